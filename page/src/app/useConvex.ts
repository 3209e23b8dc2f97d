/** Follows the recordings of a person's other devices where the server names a Convex deployment; loaded only there. */
import { useEffect } from "preact/hooks";
import { access, allows } from "../server/access";
import { limits } from "../server/limits";
import { useSignal } from "./signal";

const load = () => import("../convex/Devices");

export const loadDevices = async () => (await load()).Devices;

/** Whether the server names one, and this person may read. */
export function useHasConvex(): boolean {
  const known = useSignal(limits);
  return allows(useSignal(access), "read") && Boolean(known?.convexUrl);
}

export function useConvex(mustSignIn: boolean): void {
  const url = useSignal(limits)?.convexUrl;
  const isWanted = useHasConvex() && !mustSignIn;
  useEffect(() => {
    if (!isWanted || !url) return;
    let isEnded = false;
    let stop = () => {};
    load().then(({ follow }) => isEnded || (stop = follow(url)), console.warn);
    return () => {
      isEnded = true;
      stop();
    };
  }, [isWanted, url]);
}
