/** Bars over time, as one path, and the same as a table. */
import { useState } from "preact/hooks";
import { useAdminText } from "./text";

const [WIDTH, HEIGHT] = [720, 120];

type ChartProps = {
  title: string;
  labels: readonly string[];
  values: readonly number[];
  write: (value: number) => string;
};

export function Chart({ title, labels, values, write }: ChartProps) {
  const text = useAdminText();
  const most = Math.max(...values, 0);
  const total = values.reduce((a, b) => a + b, 0);
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> <span class="dim">{text.chartSays(write(total), write(most))}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={pathOf(values, most)} />
      </svg>
      <div class="ends dim" aria-hidden="true">
        <span>{labels[0]}</span>
        <span>{labels.at(-1)}</span>
      </div>
      <ChartTable title={title} labels={labels} values={values} write={write} />
    </figure>
  );
}

/** All bars in one element: hundreds would cost the browser more than the figures are worth. */
function pathOf(values: readonly number[], most: number): string {
  const step = WIDTH / values.length;
  const bars = values.map((value, i) => {
    const height = most > 0 ? (value / most) * HEIGHT : 0;
    return height > 0
      ? `M${(i * step).toFixed(1)} ${HEIGHT}v-${height.toFixed(1)}h${(step * 0.8).toFixed(1)}v${height.toFixed(1)}z`
      : "";
  });
  return bars.join("");
}

/** Its rows are made when somebody opens it. */
function ChartTable({ title, labels, values, write }: ChartProps) {
  const text = useAdminText();
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary>
        {text.asTable} <span class="hidden">{title}</span>
      </summary>
      {isOpen && (
        <table>
          <caption class="hidden">{title}</caption>
          <tbody>
            {labels.map((label, i) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td class="number">{write(values[i]!)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}
