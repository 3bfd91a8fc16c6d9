import java.util.*;

/** Chapter 04: is the price book sound, do the parts of a record fit, and which entry applies? */
final class Book {
  /** What a calculator answers instead of a record: a code, and a JSON pointer into what it was fed. */
  @SuppressWarnings("serial") // it is never written out
  static final class Refusal extends RuntimeException {
    final String code, pointer;

    Refusal(String code, String pointer) {
      super(code + " at " + pointer);
      this.code = code;
      this.pointer = pointer;
    }
  }

  static final Map<String, List<String>> MODALITIES = Map.of(
      "input_tokens", List.of("text", "audio", "image", "video"), "output_tokens", List.of("text", "audio"));
  static final String TOKENS = "audio_token_based", REQUESTS = "per_request";
  /** The quantities of each unit family, in the order of the table of pricing models. */
  static final Map<String, List<String>> FAMILIES = new LinkedHashMap<>();
  static final List<String> FEES = List.of("requests", "text_messages");
  private static final List<String> BASES =
      List.of("provider_billed", "provider_reported", "request", "media", "derived", "assumed");
  private static final List<String> SELECTORS = List.of("operations", "surface", "region", "service_tier");

  static {
    List<String> tokens = new ArrayList<>(List.of("input_tokens", "output_tokens", "cached_input_tokens",
        "reasoning_output_tokens", "unattributed_input_tokens", "unattributed_output_tokens"));
    MODALITIES.forEach((direction, names) -> names.forEach(m -> tokens.add(m + "_" + direction)));
    MODALITIES.get("input_tokens").forEach(m -> tokens.add("cached_" + m + "_input_tokens"));
    FAMILIES.put(TOKENS, tokens);
    FAMILIES.put("audio_per_minute", List.of("audio_duration_seconds"));
    FAMILIES.put("audio_per_character", List.of("tts_characters"));
    FAMILIES.put("audio_per_credit", List.of("provider_credits"));
    FAMILIES.put(REQUESTS, List.of("requests"));
  }

  /** A member that is an object; an absent one is empty. */
  @SuppressWarnings("unchecked") // a member of a JSON object has a name that is a string
  static Map<String, Object> child(Object object, String name) {
    Object found = object instanceof Map<?, ?> map ? map.get(name) : null;
    return found instanceof Map<?, ?> ? (Map<String, Object>) found : Map.of();
  }

  static List<?> list(Object object, String name) {
    return object instanceof Map<?, ?> map && map.get(name) instanceof List<?> found ? found : List.of();
  }

  @SuppressWarnings("unchecked") // as above
  static Map<String, Object> object(Object value) { return (Map<String, Object>) value; }

  /** The faults of a book that would make a wrong bill; the whole schema is for a validator. */
  static void check(Map<String, Object> book) {
    int n = 0;
    for (Object each : list(book, "entries")) {
      Map<String, Object> entry = object(each);
      String at = "/entries/" + n++;
      for (var rate : child(entry, "rates").entrySet()) {
        String place = at + "/rates/" + rate.getKey();
        boolean known = FAMILIES.get(entry.get("pricing_model")).contains(rate.getKey());
        if (!known && !FEES.contains(rate.getKey())) throw new Refusal("invalid_price_book", place); // AUB-PRC-89b3
        if (!(object(rate.getValue()).get("amount") instanceof String)) { // AUB-PRC-0b02
          throw new Refusal("invalid_price_book", place + "/amount");
        }
      }
      if (child(entry, "source").isEmpty()) throw new Refusal("invalid_price_book", at); // AUB-PRC-7446
    }
  }

  /** AUB-CHG-eb98: no part exceeds its whole, by itself (refused at the part) or with others (at the whole). */
  static void checkParts(Map<String, Object> quantities, String at) {
    within(quantities, at, "total_tokens", List.of("input_tokens", "output_tokens"));
    MODALITIES.forEach((direction, names) -> {
      List<String> parts = new ArrayList<>(names.stream().map(m -> m + "_" + direction).toList());
      parts.add("unattributed_" + direction);
      within(quantities, at, direction, parts);
    });
    List<String> input = MODALITIES.get("input_tokens").stream().map(m -> m + "_input_tokens").toList();
    within(quantities, at, "input_tokens", List.of("cached_input_tokens"));
    within(quantities, at, "cached_input_tokens", input.stream().map(name -> "cached_" + name).toList());
    input.forEach(name -> within(quantities, at, name, List.of("cached_" + name)));
    within(quantities, at, "output_tokens", List.of("reasoning_output_tokens"));
    within(quantities, at, "text_output_tokens", List.of("reasoning_output_tokens"));
  }

  private static void within(Map<String, Object> quantities, String at, String whole, List<String> parts) {
    if (!quantities.containsKey(whole)) return;
    Fraction limit = Fraction.of(quantities.get(whole), "0"), sum = Fraction.ZERO;
    for (String part : parts) {
      Fraction value = Fraction.of(quantities.get(part), "0");
      if (value.compareTo(limit) > 0) throw new Refusal("inconsistent_usage", at + "/quantities/" + part);
      sum = sum.plus(value);
    }
    if (sum.compareTo(limit) > 0) throw new Refusal("inconsistent_usage", at + "/quantities/" + whole);
  }

  /** A text that sorts like the instant: a date is its midnight, zeros at the end of a fraction do not count. */
  private static String instant(Object at) {
    String text = at.toString();
    if (!text.contains("T")) return text + "T00:00:00";
    return text.replaceAll("Z$", "").replaceAll("(\\.[0-9]*?)0+$", "$1").replaceAll("\\.$", "");
  }

  private static boolean fits(Map<String, Object> entry, Map<String, Object> record, String at) {
    boolean tier = entry.getOrDefault("service_tier", "standard")
        .equals(Objects.requireNonNullElse(record.get("service_tier"), "standard"));
    return entry.get("provider").equals(record.get("provider")) && list(entry, "models").contains(record.get("model"))
        && instant(entry.get("from")).compareTo(instant(at)) <= 0 // AUB-PRC-27f1, AUB-PRC-9dba
        && (!entry.containsKey("until") || instant(at).compareTo(instant(entry.get("until"))) < 0)
        && (!entry.containsKey("operations") || list(entry, "operations").contains(record.get("operation")))
        && (!entry.containsKey("surface") || entry.get("surface").equals(record.get("surface")))
        && (!entry.containsKey("region") || list(entry, "region").contains(record.get("region")))
        && tier; // AUB-PRC-a7a7
  }

  /** How strongly the record carries a family: 0 is strongest; more than the number of bases is not at all. */
  private static int strength(String family, Map<String, Object> record) {
    Map<String, Object> quantities = child(record, "quantities"), basis = child(record, "basis");
    return FAMILIES.get(family).stream().filter(quantities::containsKey).mapToInt(name -> BASES.indexOf(basis.get(name)))
        .reduce(family.equals(REQUESTS) ? BASES.size() : BASES.size() + 1, Math::min);
  }

  /** The entry that applies, or null; refuses where two do. */
  static Map<String, Object> choose(Map<String, Object> book, Map<String, Object> record, String at) {
    if (at == null) throw new Refusal("missing_time", "/at");
    List<Map<String, Object>> best = new ArrayList<>();
    for (String family : FAMILIES.keySet()) {
      List<Map<String, Object>> fitting = new ArrayList<>();
      for (Object each : list(book, "entries")) {
        Map<String, Object> entry = object(each);
        if (family.equals(entry.get("pricing_model")) && fits(entry, record, at)) fitting.add(entry);
      }
      long most = fitting.stream().mapToLong(Book::selectors).max().orElse(0);
      List<Map<String, Object>> chosen = fitting.stream().filter(e -> selectors(e) == most).toList(); // AUB-PRC-c58f
      if (chosen.size() > 1) throw new Refusal("ambiguous_price", null); // AUB-PRC-b5e2
      best.addAll(chosen);
    }
    int strongest = best.stream().mapToInt(e -> strength((String) e.get("pricing_model"), record)).min().orElse(0);
    List<Map<String, Object>> carried =
        best.stream().filter(e -> strength((String) e.get("pricing_model"), record) == strongest).toList(); // AUB-PRC-19d1
    if (carried.size() > 1 && strongest <= BASES.size()) throw new Refusal("ambiguous_price", null);
    return carried.isEmpty() ? null : carried.get(0); // where none is carried: the first of the table, and a gap
  }

  private static long selectors(Map<String, Object> entry) {
    return SELECTORS.stream().filter(entry::containsKey).count();
  }
}
