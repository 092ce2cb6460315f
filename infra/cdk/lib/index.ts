export { CpmDeployment, type CpmDeploymentProps } from "./cpm-deployment.js";
