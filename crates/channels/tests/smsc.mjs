// An SMS centre (the package smpp) whose behaviour the end of the recipient's number chooses. A line
// of JSON for each PDU that matters.
// smsc.mjs MODULES [CERTIFICATE KEY]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [modules, certificate, key] = process.argv.slice(2);
const smpp = createRequire(join(modules, "node_modules/"))("smpp");
const said = (what) => console.log(JSON.stringify(what));
const options = certificate ? { cert: readFileSync(certificate), key: readFileSync(key) } : {};
let ids = 0;
let busy = 0;

const server = smpp.createServer(options, (session) => {
  session.on("error", () => {});
  const bind = (pdu) => {
    said({ bind: pdu.command, system_id: pdu.system_id, version: pdu.interface_version });
    const right = pdu.system_id === "doorstep" && pdu.password === "horse";
    session.send(pdu.response(right ? { system_id: "smsc" } : { command_status: smpp.ESME_RINVPASWD }));
    if (right && pdu.command === "bind_transceiver") {
      session.enquire_link({}, () => said({ enquire_link: "answered" }));
    }
  };
  session.on("bind_transceiver", bind);
  session.on("bind_transmitter", bind);
  session.on("enquire_link", (pdu) => {
    said({ enquire_link: "asked" });
    session.send(pdu.response());
  });
  session.on("unbind", (pdu) => {
    said({ unbind: true });
    session.send(pdu.response());
  });
  session.on("submit_sm", (pdu) => {
    const text = pdu.short_message;
    said({
      to: pdu.destination_addr,
      to_ton: pdu.dest_addr_ton,
      from: pdu.source_addr,
      from_ton: pdu.source_addr_ton,
      coding: pdu.data_coding,
      receipt: pdu.registered_delivery,
      text: text.message,
      udh: text.udh ? [...text.udh[0]] : null,
    });
    const refuse = (command_status) => session.send(pdu.response({ command_status }));
    const message_id = `id-${++ids}`;
    switch (pdu.destination_addr.slice(-2)) {
      case "01": return session.destroy();
      case "02": return refuse(smpp.ESME_RTHROTTLED);
      case "03": return refuse(smpp.ESME_RINVDSTADR);
      case "04": return; // No answer at all.
      case "05": return refuse(smpp.ESME_RMSGQFUL);
      case "06": // The second part of a text is refused.
        return text.udh && text.udh[0].at(-1) === 2
          ? refuse(smpp.ESME_RINVDSTADR)
          : session.send(pdu.response({ message_id }));
      case "07": // Busy once, at the second part.
        return text.udh && text.udh[0].at(-1) === 2 && busy++ === 0
          ? refuse(smpp.ESME_RTHROTTLED)
          : session.send(pdu.response({ message_id }));
      case "08": return session.socket.write(Buffer.alloc(64, 0xff));
    }
    session.send(pdu.response({ message_id }));
    session.deliver_sm({
      esm_class: 4,
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      receipted_message_id: message_id,
      message_state: 2,
      short_message: `id:${message_id} sub:001 dlvrd:001 submit date:2611301530 done date:2611301531 ` +
        "stat:DELIVRD err:000 text:",
    }, () => said({ deliver_sm: "answered" }));
  });
});
server.listen(0, "127.0.0.1", () => said({ port: server.address().port }));
