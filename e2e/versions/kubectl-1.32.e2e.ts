import { testStack } from './stack';

testStack({ kubectl: 'clients/1.32/kubectl', helm: 'clients/1.32/helm', apiServer: 'kube-apiserver-1.33' });
