import { testStack } from './stack';

testStack({ kubectl: 'clients/1.37/kubectl', helm: 'helm', apiServer: 'kube-apiserver-1.37' });
