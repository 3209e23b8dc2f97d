// What the openai SDK for JavaScript, unchanged, gets from a running server: printed as JSON, checked in Python.
// node openai.mjs <base URL> <recording>
import fs from "node:fs";
import OpenAI from "openai";

const [baseURL, recording] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "any", maxRetries: 0 });
const audio = () => fs.createReadStream(recording);

/** The class and the fields of the error that `work` ends in. */
async function failure(work) {
  try {
    await work();
  } catch (error) {
    const { status, code, param, type, requestID } = error;
    return { name: error.constructor.name, status, code, param, type, requestID, message: error.message };
  }
  throw new Error("it did not fail");
}

const asked = { model: "whisper-1", language: "es" };
const transcribe = (more = {}) => client.audio.transcriptions.create({ file: audio(), ...asked, ...more });

const results = { formats: {}, deltas: [], models: [] };
results.otherModel = (await transcribe({ model: "gpt-4o-transcribe", vad_filter: true })).text;
for (const response_format of ["json", "text", "srt", "vtt"]) {
  results.formats[response_format] = await transcribe({ response_format });
}
results.words = await transcribe({
  response_format: "verbose_json",
  timestamp_granularities: ["word", "segment"],
});
results.translation = await client.audio.translations.create({ file: audio(), model: "whisper-large-v3" });
for await (const event of await transcribe({ stream: true })) {
  if (event.type === "transcript.text.delta") results.deltas.push(event.delta);
  if (event.type === "transcript.text.done") results.done = event.text;
}
for await (const model of client.models.list()) results.models.push(model.id);
results.model = await client.models.retrieve("whisper-large-v3-turbo");

results.badRequest = await failure(() => transcribe({ temperature: 3 }));
results.notAudio = await failure(async () =>
  client.audio.transcriptions.create({ file: await OpenAI.toFile(Buffer.from("no audio"), "a.mp3"), ...asked }),
);
results.noModel = await failure(() => client.models.retrieve("gpt-9"));
results.auth = await failure(transcribe);
results.rateLimit = await failure(transcribe);
results.broken = await failure(transcribe);

console.log(JSON.stringify(results));
