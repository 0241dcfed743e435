// Receives Overheard's webhooks: node receiver.mjs PORT SECRET_FILE
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const key = Buffer.from(readFileSync(process.argv[3], "utf8").trim().slice("whsec_".length), "base64");
const seen = new Set(); // of ids; a real receiver keeps them with what it stores
const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts); // the bytes as they came: parsing and printing again would change them
  const { "webhook-id": id = "", "webhook-timestamp": at = "", "webhook-signature": given = "" } = request.headers;
  const right = "v1," + createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64");
  const fresh = Math.abs(Date.now() / 1000 - Number(at)) < 300;
  const genuine = fresh && given.split(" ").some((one) => same(one, right));
  if (genuine && !seen.has(id)) {
    seen.add(id);
    console.log(JSON.parse(body).type, id);
  }
  response.writeHead(genuine ? 204 : 401).end();
}).listen(Number(process.argv[2]), "127.0.0.1");
