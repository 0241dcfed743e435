// Receives Overheard's webhooks: java Receiver.java PORT SECRET_FILE
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

class Receiver {
  public static void main(String[] arguments) throws Exception {
    var secret = Files.readString(Path.of(arguments[1])).strip().substring("whsec_".length());
    var key = new SecretKeySpec(Base64.getDecoder().decode(secret), "HmacSHA256");
    var seen = new HashSet<String>(); // of ids; a real receiver keeps them with what it stores
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 0);
    server.createContext("/", exchange -> {
      var body = exchange.getRequestBody().readAllBytes();
      var headers = exchange.getRequestHeaders();
      var id = Objects.requireNonNullElse(headers.getFirst("webhook-id"), "");
      var at = Objects.requireNonNullElse(headers.getFirst("webhook-timestamp"), "");
      var genuine = false;
      try {
        var mac = Mac.getInstance("HmacSHA256");
        mac.init(key);
        mac.update((id + "." + at + ".").getBytes());
        var right = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes();
        var fresh = Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(at)) < 300;
        for (var one : headers.getFirst("webhook-signature").split(" ")) genuine |= fresh && MessageDigest.isEqual(right, one.getBytes());
      } catch (Exception unsigned) { /* not genuine */ }
      if (genuine && seen.add(id)) System.out.println(id);
      exchange.sendResponseHeaders(genuine ? 204 : 401, -1);
      exchange.close();
    });
    server.start();
  }
}
