import { testStack } from './stack';

testStack({ kubectl: 'clients/1.35/kubectl', helm: 'clients/1.35/helm', apiServer: 'kube-apiserver' });
