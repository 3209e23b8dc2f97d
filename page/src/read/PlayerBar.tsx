/** The bar that stays at the foot of the reader: play, move, speed, and a picture of the recording. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useSignal } from "../app/signal";
import type { Paragraph } from "../model/transcript";
import { preferences } from "../store/preferences";
import { useMessages } from "../text/language";
import { clockTime } from "../text/quantities";
import type { RecordingRow } from "../store/database";
import type { Follower } from "./follow";
import { reduceTo } from "./peaks";
import { FASTEST, type Player, SLOWEST } from "./player";
import { useLoudness } from "./useLoudness";
import { barCount, draw, type Picture, speechOf } from "./waveform";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

type Sound = { row: RecordingRow; paragraphs: readonly Paragraph[]; file: Blob };
type Props = Sound & { player: Player; follower: Follower };

export function PlayerBar({ player, follower, ...sound }: Props) {
  const text = useMessages();
  const { isPlaying, duration, status } = useSignal(player.state);
  const isFollowing = useSignal(follower.isFollowing);
  if (status === "unplayable") return <p class="player panel dim">{text.audioUnplayable}</p>;
  return (
    <div class="player panel" data-part="player" role="group" aria-label={text.position}>
      <Timeline {...{ player, duration, ...sound }} />
      <div class="player-tools">
        <button type="button" class="icon" aria-label="−5 s" onClick={() => player.skip(-5)}>
          −5
        </button>
        <button
          type="button"
          class="main play"
          aria-label={isPlaying ? text.pause : text.play}
          onClick={() => player.toggle()}
        >
          <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" class="solid">
            <path d={isPlaying ? "M7 5h3v14H7zM14 5h3v14h-3z" : "M8 5v14l11-7z"} />
          </svg>
        </button>
        <button type="button" class="icon" aria-label="+5 s" onClick={() => player.skip(5)}>
          +5
        </button>
        <Time player={player} duration={duration} />
        <Speed player={player} />
        {!isFollowing && (
          <button type="button" class="plain" onClick={() => follower.isFollowing.set(true)}>
            {text.follow}
          </button>
        )}
      </div>
    </div>
  );
}

function Speed({ player }: { player: Player }) {
  const text = useMessages();
  const { speed } = useSignal(preferences);
  const shown = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
  return (
    <label class="select">
      <span class="hidden">{text.speed}</span>
      <select value={speed} onChange={({ currentTarget }) => player.setSpeed(Number(currentTarget.value))}>
        {shown
          .filter((one) => one >= SLOWEST && one <= FASTEST)
          .map((one) => (
            <option key={one} value={one}>
              {`${one.toLocaleString(text.language)}×`}
            </option>
          ))}
      </select>
    </label>
  );
}

/** Writes into its own node: a render for each second of four hours would be waste. */
function Time({ player, duration }: { player: Player; duration: number }) {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const show = (time: number) => {
      const next = `${clockTime(time)} / ${clockTime(duration)}`;
      if (element.current && element.current.textContent !== next) element.current.textContent = next;
    };
    show(player.time);
    return player.onTime(show);
  }, [player, duration]);
  return <span ref={element} class="clock dim" />;
}

type TimelineProps = Sound & { player: Player; duration: number };

function Timeline({ player, duration, ...sound }: TimelineProps) {
  const text = useMessages();
  const input = useRef<HTMLInputElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = usePicture(canvas, sound, duration);
  useEffect(() => {
    let drawn = -1;
    const show = (time: number) => {
      const played = duration > 0 ? time / duration : 0;
      const bar = Math.floor(played * (picture?.speech.length ?? 0));
      if (bar !== drawn && picture && canvas.current) draw(canvas.current, picture, played);
      if (bar !== drawn && input.current) {
        input.current.value = String(time);
        input.current.setAttribute("aria-valuetext", text.positionOf(clockTime(time), clockTime(duration)));
      }
      drawn = bar;
    };
    show(player.time);
    return player.onTime(show);
  }, [player, duration, picture, text.language]);
  return (
    <div class="timeline">
      <canvas ref={canvas} aria-hidden="true" />
      <input
        ref={input}
        type="range"
        min={0}
        max={duration || 1}
        step={0.1}
        aria-label={text.position}
        onInput={({ currentTarget }) => player.seek(Number(currentTarget.value))}
      />
    </div>
  );
}

/** Made anew when the width, the text or the theme changes. */
function usePicture(
  canvas: { current: HTMLCanvasElement | null },
  { row, paragraphs, file }: Sound,
  duration: number,
): Picture | null {
  const { theme } = useSignal(preferences);
  const [width, setWidth] = useState(0);
  const loudness = useLoudness(row, file, duration);
  const [picture, setPicture] = useState<Picture | null>(null);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(canvas.current?.clientWidth ?? 0));
    observer.observe(canvas.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width <= 0) return;
    const count = barCount(canvas.current!);
    const peaks = loudness && reduceTo(loudness, count);
    setPicture({ speech: speechOf(paragraphs, duration, count), peaks });
  }, [paragraphs, duration, width, loudness, theme]);
  return picture;
}
