module fcp/e2e/tools/corefile

go 1.24.0

require github.com/coredns/caddy v1.1.4-0.20250930002214-15135a999495
