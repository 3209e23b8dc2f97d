/** Who is signed in, and the user's recordings from other browsers. */
import { useConvexAuth, useQuery } from "convex/react";
import type { Transcription } from "escriba/browser";
import type { FormEvent } from "react";
import { api } from "../convex/_generated/api";
import type { Messages } from "./messages";
import { signIn, useName } from "./signIn";

export function SignIn({ messages }: { messages: Messages }) {
  const name = useName();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    signIn(String(new FormData(event.currentTarget).get("name")).trim());
  };
  if (name)
    return (
      <p className="user">
        {name}{" "}
        <button type="button" className="plain" onClick={() => signIn("")}>
          {messages.signOut}
        </button>
      </p>
    );
  return (
    <form className="user" onSubmit={submit}>
      <input name="name" required aria-label={messages.yourName} placeholder={messages.yourName} />
      <button type="submit" className="plain">
        {messages.signIn}
      </button>
    </form>
  );
}

/** The list of the component, without the recordings that this browser shows already. */
export function Elsewhere({ messages, here }: { messages: Messages; here: readonly Transcription[] }) {
  const { isAuthenticated } = useConvexAuth();
  const jobs = useQuery(api.jobs.list, isAuthenticated ? {} : "skip") ?? [];
  const others = jobs.filter(({ jobId }) => !here.some((job) => job.jobId === jobId));
  if (others.length === 0) return null;
  return (
    <section aria-label={messages.elsewhere}>
      <h2>{messages.elsewhere}</h2>
      <ul>
        {others.map(({ jobId, filename, status }) => (
          <li key={jobId}>
            {filename ?? jobId}: {messages.status[status]}
          </li>
        ))}
      </ul>
    </section>
  );
}
