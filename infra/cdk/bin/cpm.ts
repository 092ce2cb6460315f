// A deployment on its own: `npm run synth`, `npx cdk deploy`. Context: -c stack=NAME, -c project=FOLDER.
import { App, Stack } from "aws-cdk-lib";
import { CpmDeployment } from "../lib/index.js";

const app = new App();
const name: string = app.node.tryGetContext("stack") ?? "cpm";
const stack = new Stack(app, name, { description: "Cloud Protection Manager" });
new CpmDeployment(stack, "Cpm", { project: app.node.tryGetContext("project") });
