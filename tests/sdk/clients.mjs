// What programs in JavaScript get from a running server, each with its own library as it is published: printed as
// JSON, checked in Python. docs/clients.md says where the requests of LibreChat, n8n and Obsidian are written down.
// node clients.mjs <URL of the server> <recording>
import fs from "node:fs";
import { Readable } from "node:stream";
import { createGroq } from "@ai-sdk/groq";
import { createOpenAI } from "@ai-sdk/openai";
import { experimental_transcribe as transcribe } from "ai";
import axios from "axios";
import NodeFormData from "form-data";
import Groq from "groq-sdk";

const [url, recording] = process.argv.slice(2);
const bytes = fs.readFileSync(recording);
const headers = { Authorization: "Bearer any" };

async function groqSdk() {
  const client = new Groq({ baseURL: url, apiKey: "any", maxRetries: 0 });
  const asked = { file: fs.createReadStream(recording), model: "whisper-large-v3-turbo" };
  const answer = await client.audio.transcriptions.create({
    ...asked,
    response_format: "verbose_json",
    timestamp_granularities: ["word"],
  });
  return { text: answer.text, words: answer.words.map(({ word }) => word), request: answer.x_groq.id };
}

async function aiSdk(model, providerOptions) {
  const answer = await transcribe({ model, audio: bytes, maxRetries: 0, providerOptions });
  return { text: answer.text, language: answer.language, seconds: answer.durationInSeconds, lines: answer.segments };
}

const aiSdkGroq = () =>
  aiSdk(createGroq({ baseURL: `${url}/openai/v1`, apiKey: "any" }).transcription("whisper-large-v3-turbo"), {
    groq: { language: "es", responseFormat: "verbose_json", timestampGranularities: ["segment"] },
  });

const aiSdkOpenai = () =>
  aiSdk(createOpenAI({ baseURL: `${url}/v1`, apiKey: "any" }).transcription("whisper-1"), {
    openai: { language: "es", timestampGranularities: ["word"] },
  });

// A stream whose length nobody knows: the form is sent in chunks.
async function librechat() {
  const file = Readable.from(bytes);
  file.path = "audio.webm";
  const data = { file, model: "whisper-1", language: "es" };
  const types = { "Content-Type": "multipart/form-data", ...headers };
  return (await axios.post(`${url}/v1/audio/transcriptions`, data, { headers: types })).data;
}

async function librechatAzure() {
  const form = new NodeFormData();
  form.append("file", bytes, { filename: "audio.webm", contentType: "audio/webm" });
  form.append("language", "es");
  const address = `${url}/openai/deployments/whisper/audio/transcriptions?api-version=2024-02-15-preview`;
  return (await axios.post(address, form, { headers: { "api-key": "any", ...form.getHeaders() } })).data;
}

async function n8n() {
  const form = new NodeFormData();
  form.append("model", "whisper-1");
  form.append("language", "es");
  form.append("temperature", "0.2");
  form.append("file", bytes, { filename: "data", contentType: "audio/x-wav" });
  const types = { ...form.getHeaders(), ...headers };
  return (await axios.post(`${url}/v1/audio/transcriptions`, form, { headers: types })).data;
}

// A page's own FormData, through fetch as in Electron; no language is chosen.
async function obsidian() {
  const form = new FormData();
  form.append("file", new Blob([bytes], { type: "audio/webm;codecs=opus" }), "2026-01-31T10-00-00.webm");
  form.append("model", "whisper-1");
  form.append("language", "");
  const how = { adapter: "fetch", headers: { "Content-Type": "multipart/form-data", ...headers } };
  return (await axios.post(`${url}/v1/audio/transcriptions`, form, how)).data;
}

const results = {};
for (const client of [groqSdk, aiSdkGroq, aiSdkOpenai, librechat, librechatAzure, n8n, obsidian]) {
  results[client.name] = await client().catch((error) => ({ error: `${error}`, body: error.response?.data }));
}
console.log(JSON.stringify(results));
