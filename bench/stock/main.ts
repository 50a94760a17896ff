import { App } from 'cdk8s';
import { addCharts } from './charts';

const app = new App();
addCharts(app, Number(process.env.CLUSTERS));
app.synth();
