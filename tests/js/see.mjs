// What a person sees: an independent client (matrix-js-sdk, rust crypto) that excludes devices which
// their owners have not signed. It joins what it is invited to, says each line of its standard input
// ("room-name<TAB>text") and waits for an answer, then prints all it sees as JSON.
// node see.mjs BASE USER PASSWORD
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { OnlySignedDevicesIsolationMode } from "matrix-js-sdk/lib/crypto-api/index.js";
import { createInterface } from "node:readline";

logger.setLevel("silent", false);
const print = console.log;
console.log = console.warn = console.debug = console.info = () => {};
const [baseUrl, user, password] = process.argv.slice(2);
const identifier = { type: "m.id.user", user };
const login = await sdk.createClient({ baseUrl }).loginRequest({ type: "m.login.password", identifier, password });
const client = sdk.createClient({
    baseUrl, userId: login.user_id, deviceId: login.device_id, accessToken: login.access_token, timelineSupport: true,
});
await client.initRustCrypto({ useIndexedDB: false });
const crypto = client.getCrypto();
await crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (upload) => {
        try { await upload(null); } catch (e) {
            await upload({ type: "m.login.password", session: e.data?.session, identifier: { type: "m.id.user", user: login.user_id }, password });
        }
    },
});
crypto.setDeviceIsolationMode(new OnlySignedDevicesIsolationMode());
// Where somebody joins while another speaks, Synapse's sync may show the invitation again after the joining, as
// the state before what was said, and keep to that until the next event. Whoever was let in is in.
const joined = new Set();
async function join(room) {
    await client.joinRoom(room);
    joined.add(room);
}
const inside = (room) => joined.has(room.roomId) || room.getMyMembership() === "join";
client.on(sdk.RoomMemberEvent.Membership, async (_event, member) => {
    if (member.userId === login.user_id && member.membership === "invite") await join(member.roomId);
});
await client.startClient({ initialSyncLimit: 50, threadSupport: true });
await new Promise((resolve) => client.once(sdk.ClientEvent.Sync, resolve));
for (const room of client.getRooms()) if (room.getMyMembership() === "invite") await join(room.roomId);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, why) {
    for (let n = 0; n < 600; n++) {
        const found = what();
        if (found) return found;
        await sleep(50);
    }
    print(JSON.stringify({ error: `never came: ${why}` }));
    process.exit(1);
}
const named = (name) => client.getRooms().find((r) => r.name.startsWith(name) && inside(r));
const events = (room) => [
    ...room.getLiveTimeline().getEvents(),
    ...room.getThreads().flatMap((t) => t.events.filter((e) => e.getId() !== t.id)),
];
const text = (event) => event.getContent().body ?? "";

print(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
    const [name, say, answer] = line.split("\t");
    const room = await until(() => named(name), `room ${name}`);
    if (say) await client.sendTextMessage(room.roomId, say);
    await until(() => events(room).some((e) => text(e).includes(answer)), `${answer} in ${name}`);
    print(JSON.stringify({ heard: answer }));
}
await sleep(1000);
const seen = [];
for (const room of client.getRooms()) {
    if (!inside(room)) continue;
    const shown = [];
    for (const event of events(room)) {
        if (!["m.room.message", "m.room.encrypted"].includes(event.getType())) continue;
        const info = event.isEncrypted() ? await crypto.getEncryptionInfoForEvent(event) : null;
        const marks = room.relations.getChildEventsForEvent(event.getId(), "m.annotation", "m.reaction");
        shown.push({
            id: event.getId(), sender: event.getSender(), body: text(event), html: event.getContent().formatted_body ?? null,
            edited: Boolean(event.replacingEvent()), thread: event.threadRootId ?? null,
            reactions: marks ? marks.getSortedAnnotationsByKey().map(([key, set]) => [key, set.size]) : [],
            failure: event.isDecryptionFailure() ? event.decryptionFailureReason : null,
            encrypted: event.isEncrypted(), shield: info ? info.shieldColour : 0,
            mentions: event.getContent()["m.mentions"] ?? null,
        });
    }
    seen.push({
        id: room.roomId, name: room.name, version: room.getVersion(), space: room.isSpaceRoom(),
        topic: room.currentState.getStateEvents("m.room.topic", "")?.getContent().topic ?? null,
        pinned: room.currentState.getStateEvents("m.room.pinned_events", "")?.getContent().pinned ?? [],
        children: room.currentState.getStateEvents("m.space.child").map((e) => e.getStateKey()),
        unread: room.getUnreadNotificationCount("highlight"), events: shown,
    });
}
print(JSON.stringify({ seen }));
process.exit(0);
