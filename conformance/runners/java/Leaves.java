import java.util.*;

/** Chapter 05, "Tokens": the leaves of a usage record, each with the rate that it takes (AUB-CHG-5310). */
final class Leaves {
  /** Tokens that take one rate; without a rate they are a gap. Unattributed tokens have lines of their own. */
  record Leaf(String name, Fraction measured, String rate, boolean apart, String reason) {}

  final List<Leaf> found = new ArrayList<>();
  private final Map<String, Object> quantities, rates;
  private final Set<String> flags;

  Leaves(Map<String, Object> record, Map<String, Object> entry, Set<String> flags) {
    quantities = Book.child(record, "quantities");
    rates = Book.child(entry, "rates");
    this.flags = flags;
    input();
    String text = first("text_output_tokens", "output_tokens");
    Fraction reasoning = q("reasoning_output_tokens"); // AUB-CHG-258f: text less reasoning
    add("text_output_tokens", q("text_output_tokens").minus(reasoning), text, false, "no_rate");
    add("text_output_tokens", reasoning, first("reasoning_output_tokens", "text_output_tokens", "output_tokens"), false, "no_rate");
    add("audio_output_tokens", q("audio_output_tokens"), first("audio_output_tokens", "output_tokens"), false, "no_rate");
    unattributed("output_tokens", rest("output_tokens"), Fraction.ZERO); // AUB-CHG-b946 is the line before
  }

  private Fraction q(String name) { return Fraction.of(quantities.get(name), "0"); }

  private String first(String... names) {
    return Arrays.stream(names).filter(rates::containsKey).findFirst().orElse(null);
  }

  private void add(String name, Fraction measured, String rate, boolean apart, String reason) {
    if (!measured.positive()) return; // a quantity of zero needs no rate
    String known = rates.containsKey(rate) ? rate : null;
    for (int i = 0; i < found.size(); i++) { // leaves that share a rate are added up
      Leaf each = found.get(i);
      if (Objects.equals(each.rate, known) && each.apart == apart && (known != null || each.name.equals(name))) {
        found.set(i, new Leaf(each.name, each.measured.plus(measured), known, apart, each.reason));
        return;
      }
    }
    found.add(new Leaf(name, measured, known, apart, reason));
  }

  /** The cached part of each modality, from the split, else text first (AUB-CHG-5f0a). */
  private void input() {
    Fraction open = q("cached_input_tokens");
    for (String m : Book.MODALITIES.get("input_tokens")) open = open.minus(q("cached_" + m + "_input_tokens"));
    boolean assume = open.positive() && rates.keySet().stream().anyMatch(name -> name.startsWith("cached_"));
    if (assume) flags.add("cached_split_assumed");
    else open = Fraction.ZERO;
    for (String m : Book.MODALITIES.get("input_tokens")) {
      String name = m + "_input_tokens", fresh = first(name, "input_tokens");
      Fraction cached = q("cached_" + name);
      if (assume) {
        Fraction taken = open.least(q(name).minus(cached).most(Fraction.ZERO));
        cached = cached.plus(taken);
        open = open.minus(taken);
      }
      String cheap = first("cached_" + name, "cached_input_tokens"); // AUB-CHG-17f0
      add(name, q(name).minus(cached), fresh, false, "no_rate");
      add(name, cached, cheap == null ? fresh : cheap, false, "no_rate");
    }
    Fraction rest = rest("input_tokens");
    unattributed("input_tokens", rest, open.least(rest));
  }

  /** What no stated part covers. */
  private Fraction rest(String direction) {
    Fraction over = q(direction).minus(q("unattributed_" + direction));
    for (String m : Book.MODALITIES.get(direction)) over = over.minus(q(m + "_" + direction));
    return q("unattributed_" + direction).plus(over.most(Fraction.ZERO));
  }

  private void unattributed(String direction, Fraction measured, Fraction cached) {
    if (!measured.positive()) return;
    boolean names = false;
    List<String> priced = new ArrayList<>();
    for (String m : Book.MODALITIES.get(direction)) {
      String name = m + "_" + direction;
      boolean onlyReasoning = name.equals("text_output_tokens") && quantities.containsKey("reasoning_output_tokens")
          && q(name).positive() && q(name).compareTo(q("reasoning_output_tokens")) == 0;
      names |= quantities.containsKey(name) && !onlyReasoning;
      if (rates.containsKey(name) || rates.containsKey("cached_" + name)) priced.add(m);
    }
    String rate = first("unattributed_" + direction, direction), modality = null;
    if (rate == null && names && rates.containsKey("text_" + direction)) {
      rate = "text_" + direction;
      flags.add("unattributed_as_text");
    }
    if (rate == null && priced.size() == 1) {
      modality = priced.get(0);
      rate = first(modality + "_" + direction);
    }
    String reason = priced.size() > 1 ? "modality_unknown" : "no_rate"; // AUB-CHG-0d16
    if (rate != null) modality = rate.split("_")[0]; // of text_input_tokens; of input_tokens it names no rate
    String cheap = first("cached_" + modality + "_" + direction, "cached_" + direction);
    add("unattributed_" + direction, measured.minus(cached), rate, true, reason);
    add("unattributed_" + direction, cached, cheap == null ? rate : cheap, true, reason);
  }

  /** Those of the names that the entry prices, in whole or in part. */
  static List<String> missing(Map<String, Object> entry, List<?> names) {
    boolean tokens = Book.TOKENS.equals(entry.get("pricing_model"));
    List<String> found = new ArrayList<>();
    for (Object each : names) {
      String name = (String) each, whole = name.contains("input") ? "input_tokens" : "output_tokens";
      boolean priced = !tokens || Book.child(entry, "rates").keySet().stream().anyMatch(rate ->
          rate.equals(name) || rate.equals(whole) || (name.equals(whole) && rate.endsWith(name)));
      if (priced && Book.FAMILIES.get(entry.get("pricing_model")).contains(name)) found.add(name);
    }
    return found;
  }
}
