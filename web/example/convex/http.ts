/** Where the transcription API sends its news. */
import { httpRouter } from "convex/server";
import { registerRoutes } from "escriba";
import { components } from "./_generated/api";

const http = httpRouter();
registerRoutes(http, components.escriba);

export default http;
