/** Starts the demo page, with Convex where VITE_CONVEX_URL names a deployment. */
import { ConvexProvider, ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Page } from "./Page";
import "./style.css";

const { VITE_CONVEX_URL: convexUrl, VITE_API_URL: apiUrl = location.origin } = import.meta.env;
const convex = convexUrl ? new ConvexReactClient(convexUrl) : null;
const page = <Page apiUrl={apiUrl} hasConvex={convex !== null} />;

createRoot(document.getElementById("root")!).render(
  <StrictMode>{convex ? <ConvexProvider client={convex}>{page}</ConvexProvider> : page}</StrictMode>,
);
