import { testStack } from './stack';

testStack({ kubectl: 'clients/1.29/kubectl', helm: 'clients/1.29/helm', apiServer: 'kube-apiserver-1.29' });
