/** The recording of a text: from the browser's store, or chosen again when it is gone. */
import { useEffect, useState } from "preact/hooks";
import { readDuration } from "../send/duration";
import { keepAudio, readAudio } from "../store/audio";
import type { Player } from "./player";

/** Seconds by which two measures of one recording may differ. */
const TOLERANCE = 2;

export function useRecording(jobId: string, filename: string, duration: number, player: Player) {
  const [file, setFile] = useState<File | null>(null);
  const [isAbsent, setAbsent] = useState(false);
  const [isOther, setOther] = useState(false);
  useEffect(() => {
    void readAudio(jobId, filename).then((found) => {
      setFile(found);
      setAbsent(found === null);
    });
  }, [jobId, filename]);
  useEffect(() => {
    if (file) player.load(file);
  }, [file, player]);
  const choose = async (chosen: File) => {
    const seconds = await readDuration(chosen);
    setOther(seconds !== null && duration > 0 && Math.abs(seconds - duration) > TOLERANCE + duration * 0.01);
    setFile(chosen);
    await keepAudio(jobId, chosen);
  };
  return { file, isAbsent, isOther, choose: (chosen: File) => void choose(chosen) };
}
