import { assertEquals } from "@std/assert";
import { Mailbox, MailboxState, makeMailbox } from "./mailbox.ts";

function openMailbox(): Mailbox {
  const mailbox = new Mailbox(makeMailbox());
  mailbox.open(0x0100_0001, 3, 2);
  return mailbox;
}

Deno.test("a reply is taken once, from who was asked, with the length that was asked for", () => {
  const mailbox = openMailbox();
  const bytes = Uint8Array.of(5, 6);
  assertEquals(mailbox.answer(0x0100_0002, 3, bytes), "answers request 16777218, which was not made");
  assertEquals(mailbox.answer(0x0100_0001, 4, bytes), "answers request 16777217, which was not made");
  assertEquals(
    mailbox.answer(0x0100_0001, 3, Uint8Array.of(1)),
    "answers request 16777217 with 1 bytes, not 2",
  );
  assertEquals(mailbox.answer(0x0100_0001, 3, bytes), undefined);
  assertEquals(mailbox.state, MailboxState.Answered);
  assertEquals(mailbox.answer(0x0100_0001, 3, bytes), "answers request 16777217, which does not wait");
  const into = new Uint8Array(2);
  mailbox.take(into);
  assertEquals([mailbox.state, ...into], [MailboxState.Idle, 5, 6]);
});

Deno.test("a vCPU that waits for a failed server waits for its replacement, and its late reply is dropped", () => {
  const mailbox = openMailbox();
  mailbox.abandon(2, MailboxState.Gone);
  assertEquals(mailbox.state, MailboxState.Waiting);
  mailbox.abandon(3, MailboxState.Held);
  assertEquals(mailbox.answer(0x0100_0001, 3, Uint8Array.of(1, 2)), undefined);
  assertEquals(mailbox.state, MailboxState.Held);
  mailbox.abandon(3, MailboxState.Reissue);
  assertEquals(mailbox.state, MailboxState.Reissue);
});

Deno.test("who has its reply is not disturbed by the server's end", () => {
  const mailbox = openMailbox();
  mailbox.answer(0x0100_0001, 3, Uint8Array.of(1, 2));
  mailbox.abandon(3, MailboxState.Gone);
  assertEquals(mailbox.state, MailboxState.Answered);
});
