// Sends a template through the HTTP API. Start: HARKARA_TOKEN=… node examples/send.mjs

const url = process.env.HARKARA_URL ?? "http://127.0.0.1:8000";

const response = await fetch(`${url}/developer/api/send_message`, {
  method: "POST",
  headers: {
    Authorization: `Bearer ${process.env.HARKARA_TOKEN}`,
    "Content-Type": "application/json",
    "Idempotency-Key": "payment-7", // a repeat with the same key is the same message
  },
  body: JSON.stringify({
    recipient_mobile_number: "919876543210",
    messages: [{
      kind: "template",
      template: {
        name: "payment_confirmation",
        language: "en",
        components: [{type: "body", parameters: [
          {type: "text", text: "Asha"},
          {type: "text", text: "T-7"},
          {type: "text", text: "₹450"},
          {type: "text", text: "24 November"},
          {type: "text", text: "UPI"},
          {type: "text", text: "INV-7"}
        ]}]
      }
    }]
  }),
  signal: AbortSignal.timeout(10_000),
});

const answer = await response.json();
if (response.status !== 202) {
  console.error(`${response.status}: ${answer.message}`); // 400 names the field and the rule; repeat after 503
  process.exit(1);
}
console.log(answer.jobId);
