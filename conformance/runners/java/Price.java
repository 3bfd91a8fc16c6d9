import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/** The runner: reads the cases of fixtures/, compares as fixtures/README.md says, and reports. */
final class Price {
  private static final List<String> SETS = List.of("flags", "lines", "unpriced");

  public static void main(String[] arguments) throws IOException {
    String part = arguments.length > 0 ? arguments[0] : "";
    Path root = root();
    if (!"1".equals(read(root.resolve("MANIFEST.json")).get("format").toString())) {
      throw new IllegalStateException("this runner knows format 1 of the fixtures alone");
    }
    int passed = 0, failed = 0, left = 0;
    for (Map<String, Object> found : loadCases(root).stream().flatMap(found -> eachCall(found).stream()).toList()) {
      Map<String, Object> then = Book.child(found, "then");
      boolean refused = !Book.child(Book.child(found, "given"), "usage").isEmpty() && then.containsKey("error");
      if (!found.get("id").toString().contains(part)) continue;
      boolean mine = (then.containsKey("charge") || refused) && !Book.list(found, "features").contains("deprecated");
      List<String> wrong = mine ? check(root, found) : List.of();
      if (!mine) left++;
      else if (wrong.isEmpty()) passed++;
      else {
        failed++;
        System.out.println("FAIL " + found.get("id") + ": " + found.get("title") + "\n  " + String.join("\n  ", wrong)
            + "\n  why: " + found.get("why"));
      }
    }
    if (left > 0) System.out.println(left + " left out: no charge is expected, no usage is there to charge, or deprecated");
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed > 0 || passed + left == 0 ? 1 : 0);
  }

  private static List<?> answers(Map<String, Object> found) {
    List<?> steps = Book.list(Book.child(found, "given"), "upstream");
    return Book.list(steps.get(steps.size() - 1), "answers");
  }

  /** The case, and one more for each later call of its client for which other usage is right. */
  private static List<Map<String, Object>> eachCall(Map<String, Object> found) {
    List<Map<String, Object>> all = new ArrayList<>(List.of(found));
    int n = 0;
    for (Object then : Book.list(Book.child(found, "then"), "others")) {
      n++;
      if (Book.child(then, "usage").isEmpty()) continue;
      Map<String, Object> call = new HashMap<>(found), given = new HashMap<>(Book.child(found, "given"));
      given.put("upstream", List.of(Map.of("answers", List.of(answers(found).get(n)))));
      call.putAll(Map.of("id", found.get("id") + ", call " + (n + 1), "given", given, "then", then));
      all.add(call);
    }
    return all;
  }

  /** What differs between the right charge, or the right refusal, and what was worked out. */
  private static List<String> check(Path root, Map<String, Object> found) {
    Map<String, Object> given = Book.child(found, "given"), then = Book.child(found, "then");
    Map<String, Object> error = Book.child(then, "error"), right = Book.child(then, "charge");
    Map<String, Object> record = new HashMap<>(Book.child(given, "usage"));
    if (record.isEmpty()) { // the right usage of the exchange, completed by what the exchange says of itself
      Map<String, Object> exchange = Book.child(answers(found).get(0), "exchange");
      for (String name : List.of("provider", "surface", "operation", "model", "at", "region")) {
        if (exchange.containsKey(name)) record.put(name, exchange.get(name));
      }
      record.putAll(Book.child(then, "usage"));
    }
    Object at = Book.child(Book.child(found, "when"), "price").getOrDefault("at", record.get("at"));
    Map<String, Object> got;
    try {
      got = Charge.of(record, read(root.resolve(given.get("prices").toString())), (String) at);
    } catch (Book.Refusal refusal) {
      boolean same = refusal.code.equals(error.get("code"))
          && (!error.containsKey("pointer") || Objects.equals(error.get("pointer"), refusal.pointer));
      return same ? List.of() : List.of("expected " + Json.canon(error) + ", got the refusal " + refusal.getMessage());
    }
    if (!error.isEmpty()) return List.of("expected the refusal " + Json.canon(error) + ", got " + Json.canon(got));
    Set<String> names = new TreeSet<>(right.keySet());
    names.add("entry"); // absent means absent
    return names.stream().filter(name -> !form(name, right.get(name)).equals(form(name, got.get(name))))
        .map(name -> name + ": expected " + form(name, right.get(name)) + ", got " + form(name, got.get(name))).toList();
  }

  /** One text for one value; sets without their order. */
  private static String form(String name, Object value) {
    return SETS.contains(name) && value instanceof List<?> list ? list.stream().map(Json::canon).sorted().toList().toString()
        : Json.canon(value);
  }

  /** The fixtures: what FIXTURES names, the copy that this runner is in, or the checkout. */
  private static Path root() {
    String named = System.getenv("FIXTURES");
    for (String folder : new String[] {named == null ? "" : named, "../..", "../../../fixtures"}) {
      if (!folder.isEmpty() && Files.exists(Path.of(folder, "MANIFEST.json"))) return Path.of(folder);
    }
    throw new IllegalStateException("no fixtures: set FIXTURES to their folder");
  }

  private static Map<String, Object> read(Path file) {
    try {
      return Book.object(Json.parse(Files.readString(file)));
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** All cases: one a line of the pack of a copy, or one a file. */
  private static List<Map<String, Object>> loadCases(Path root) throws IOException {
    Path pack = root.resolve("cases.jsonl.gz");
    if (Files.exists(pack)) {
      try (var lines = new GZIPInputStream(Files.newInputStream(pack))) {
        return new String(lines.readAllBytes(), StandardCharsets.UTF_8).lines().map(Json::parse).map(Book::object).toList();
      }
    }
    try (Stream<Path> files = Files.walk(root.resolve("cases"))) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().map(Price::read).toList();
    }
  }
}
