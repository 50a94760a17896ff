// Says how CoreDNS' own parser reads Corefiles. Each line of standard input is a JSON string, a Corefile; each line of
// standard output is the list of its server blocks' keys, or null where the parser refuses the file.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"

	"github.com/coredns/caddy/caddyfile"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	answers := json.NewEncoder(out)
	for in.Scan() {
		var corefile string
		if err := json.Unmarshal(in.Bytes(), &corefile); err != nil {
			panic(err)
		}
		blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
		if err != nil {
			answers.Encode(nil)
			continue
		}
		keys := [][]string{}
		for _, block := range blocks {
			keys = append(keys, block.Keys)
		}
		answers.Encode(keys)
	}
}
