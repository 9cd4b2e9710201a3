// Sends a template through the HTTP API. Start: HARKARA_TOKEN=… java examples/Send.java

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

class Send {
    static final String BODY = """
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
        """;

    public static void main(String[] arguments) throws Exception {
        String url = System.getenv().getOrDefault("HARKARA_URL", "http://127.0.0.1:8000");
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/developer/api/send_message"))
            .timeout(Duration.ofSeconds(10))
            .header("Authorization", "Bearer " + System.getenv("HARKARA_TOKEN"))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", "payment-7") // a repeat with the same key is the same message
            .POST(BodyPublishers.ofString(BODY, StandardCharsets.UTF_8))
            .build();
        var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofString(StandardCharsets.UTF_8));
        System.out.println(response.body()); // 400 names the field and the rule; repeat after 503
        System.exit(response.statusCode() == 202 ? 0 : 1);
    }
}
