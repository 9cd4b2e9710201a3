<?php
// Sends a template through the HTTP API. Start: HARKARA_TOKEN=… php examples/send.php

$body = <<<'JSON'
{
  "recipient_mobile_number": "919876543210",
  "messages": [{
    "kind": "template",
    "template": {
      "name": "payment_confirmation",
      "language": "en",
      "components": [{"type": "body", "parameters": [
        {"type": "text", "text": "Asha"},
        {"type": "text", "text": "T-7"},
        {"type": "text", "text": "₹450"},
        {"type": "text", "text": "24 November"},
        {"type": "text", "text": "UPI"},
        {"type": "text", "text": "INV-7"}
      ]}]
    }
  }]
}
JSON;

$url = getenv('HARKARA_URL') ?: 'http://127.0.0.1:8000';
$request = curl_init("$url/developer/api/send_message");
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ' . getenv('HARKARA_TOKEN'),
        'Content-Type: application/json',
        'Idempotency-Key: payment-7', // a repeat with the same key is the same message
    ],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
$answer = curl_exec($request);
$status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
echo $answer, PHP_EOL; // 400 names the field and the rule; repeat after 503
exit($status === 202 ? 0 : 1);
