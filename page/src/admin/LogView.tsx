/** What admins did, newest first. */
import { useLoaded } from "./api";
import { ProblemBox } from "./ProblemBox";
import { useAdminText } from "./text";

type Entry = { at: string; by: string; action: string; target?: string };

export function LogView() {
  const text = useAdminText();
  const { value, problem, reload } = useLoaded<{ actions: Entry[] }>("admin/audit?limit=200");
  return (
    <>
      <button type="button" onClick={() => void reload()}>
        {text.refresh}
      </button>
      <ProblemBox problem={problem} />
      {value?.actions.length === 0 && <p class="dim">{text.none}</p>}
      {value && value.actions.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={text.views.log}>
          <table class="log">
            <thead>
              <tr>
                {text.logColumns.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {value.actions.map((one, number) => (
                <tr key={number}>
                  <td>{new Date(one.at).toLocaleString(text.language)}</td>
                  <td class="wrap">{one.by}</td>
                  <td>{text.actions[one.action] ?? one.action}</td>
                  <td class="wrap">{one.target}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
