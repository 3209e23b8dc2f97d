/** Where recordings come in: dropped, chosen, pasted, or as a link; what cannot be sent is named at once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useSignal } from "../app/signal";
import { sendFile, sendLink } from "../jobs/pageJobs";
import { RecordLink } from "../record/RecordLink";
import { limits, type Limits } from "../server/limits";
import { useMessages } from "../text/language";
import { fileSize, stretch } from "../text/quantities";
import { lengthRefusal, type Reason, refusal, shorten } from "./checks";
import { readDuration } from "./duration";
import { LinkField } from "./LinkField";
import { OptionsForm } from "./OptionsForm";
import { useDrop } from "./useDrop";
import { useLaunch } from "./useLaunch";

/** The largest size and the longest time, each number beside its unit. */
const mostOf = ({ maxJobUploadBytes, maxAudioSeconds }: Limits, language: string) =>
  [fileSize(maxJobUploadBytes, language), stretch(maxAudioSeconds)].map((one) => one.replaceAll(" ", "\u00a0"));

export function SendArea() {
  const text = useMessages();
  const known = useSignal(limits);
  const input = useRef<HTMLInputElement>(null);
  const [refused, setRefused] = useState<readonly Reason[]>([]);
  const take = (files: readonly File[], folders: readonly string[] = []) => {
    setRefused([]);
    const reasons = [...files.map(send), ...folders.map(refuseFolder)];
    for (const one of reasons) void one.then((reason) => reason && setRefused((all) => [...all, reason]));
  };
  const isOver = useDrop(take);
  usePaste(take);
  useLaunch(take);
  const most = known && mostOf(known, text.language);
  return (
    <section class={`drop panel${isOver ? " over" : ""}`} aria-label={text.drop}>
      <p class="drop-title">{isOver ? text.dropNow : text.drop}</p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={text.choose}
        accept={known ? ["audio/*", "video/*", ...known.extensions.map((one) => `.${one}`)].join() : "audio/*,video/*"}
        onChange={({ currentTarget }) => {
          take([...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
      <div class="ways-in">
        <button type="button" class="main large" onClick={() => input.current?.click()}>
          {text.choose}
        </button>
        <RecordLink />
      </div>
      <p class="dim">{most && text.dropHint(most[0]!, most[1]!)}</p>
      <LinkField onLink={sendLink} />
      <Refused reasons={refused} onDismiss={() => setRefused([])} />
      <OptionsForm />
    </section>
  );
}

/** Resolves to why it is not sent; null where it is. */
async function send(file: File): Promise<Reason | null> {
  const known = limits.value;
  const reason = refusal(file, known);
  if (reason) return reason;
  const isOther = await refuseOther(file);
  if (isOther) return isOther;
  const seconds = await readDuration(file);
  const isTooLong = seconds === null ? null : lengthRefusal(file.name, seconds, known);
  if (isTooLong) return isTooLong;
  await sendFile(file);
  return null;
}

const loadKinds = () => import("../kinds/kinds");

/** By the first bytes: a pdf, a zip. Where that part can't be loaded, the server decides. */
async function refuseOther(file: File): Promise<Reason | null> {
  const kinds = await loadKinds().catch(() => null);
  return kinds && (await kinds.refuseKind(file, shorten(file.name)));
}

async function refuseFolder(name: string): Promise<Reason | null> {
  const kinds = await loadKinds().catch(() => null);
  return kinds && kinds.refuseFolder(shorten(name));
}

function usePaste(take: (files: readonly File[]) => void): void {
  useEffect(() => {
    const paste = ({ clipboardData }: ClipboardEvent) => {
      const files = [...(clipboardData?.files ?? [])];
      if (files.length > 0) take(files);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, []);
}

function Refused({ reasons, onDismiss }: { reasons: readonly Reason[]; onDismiss: () => void }) {
  const text = useMessages();
  return (
    <div role="alert">
      {reasons.length > 0 && (
        <div class="problem">
          <p>
            <strong>{text.notSent}</strong>
          </p>
          {reasons.map((reason, index) => (
            <p key={index} class="wrap">
              {reason(text)}
            </p>
          ))}
          <button type="button" class="plain" onClick={onDismiss}>
            {text.dismiss}
          </button>
        </div>
      )}
    </div>
  );
}
