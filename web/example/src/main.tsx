/** Starts the page, with Convex where VITE_CONVEX_URL names a deployment, and sign-in where there is a provider. */
import { ConvexProvider, ConvexProviderWithAuth, ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Page } from "./Page";
import { canSignIn, useSignIn } from "./signIn";
import "./style.css";

const { VITE_CONVEX_URL: convexUrl, VITE_API_URL: apiUrl = location.origin } = import.meta.env;
const convex = convexUrl ? new ConvexReactClient(convexUrl) : null;

function App() {
  const page = <Page apiUrl={apiUrl} hasConvex={convex !== null} hasSignIn={convex !== null && canSignIn} />;
  if (!convex) return page;
  if (!canSignIn) return <ConvexProvider client={convex}>{page}</ConvexProvider>;
  return (
    <ConvexProviderWithAuth client={convex} useAuth={useSignIn}>
      {page}
    </ConvexProviderWithAuth>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
