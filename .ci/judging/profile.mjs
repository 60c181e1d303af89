// The descriptor against the official JSON Schema profile: node profile.mjs PROFILE DESCRIPTOR
import fs from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const [profile, descriptor] = process.argv.slice(2).map((path) => JSON.parse(fs.readFileSync(path)));
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
const validate = ajv.compile(profile);
if (!validate(descriptor)) {
  for (const each of validate.errors.slice(0, 10)) console.log(each.instancePath, each.message);
  process.exit(1);
}
console.log(`the official profile accepts the descriptor of ${descriptor.resources.length} resources`);
