/** Figures with their names: as tiles, and as a bar of how much of a limit is used. */

type Fact = [name: string, value: string, more?: string];

export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl class="tiles">
      {facts.map(([name, value, more]) => (
        <div key={name} class="tile">
          <dt>{name}</dt>
          <dd>{value}</dd>
          {more && <dd class="more wrap">{more}</dd>}
        </div>
      ))}
    </dl>
  );
}

type MeterProps = { label: string; value: number; most: number; says: string };

export function Meter({ label, value, most, says }: MeterProps) {
  return (
    <div class="meter">
      <span>{label}</span>
      <span class="dim">{says}</span>
      <progress aria-label={label} aria-valuetext={says} max={most} value={Math.min(value, most)} />
    </div>
  );
}
