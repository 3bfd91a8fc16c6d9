import static java.util.Objects.requireNonNullElse;

import java.util.*;

/** Chapter 05: a usage record and a price book become a charge. */
final class Charge {
  /** Of the record itself or of one component; exact are the lines' subtotals before rounding. */
  private record Part(Map<String, Object> entry, List<Map<String, Object>> lines, List<Fraction> exact,
      List<Map<String, Object>> gaps, Set<String> flags) {}

  /** The charge; at is the instant whose prices are asked for. */
  static Map<String, Object> of(Map<String, Object> record, Map<String, Object> book, String at) {
    Book.check(book);
    if (Book.list(record, "flags").contains("error_response")) { // AUB-CHG-63e1: nothing is looked up
      return charge("not_billable", book.get("currency"), "0", List.of(), List.of(), List.of(), null);
    }
    Map<String, Object> quantities = Book.child(record, "quantities");
    Book.checkParts(quantities, "");
    boolean empty = quantities.isEmpty() && Book.list(record, "unknown").isEmpty();
    boolean main = !empty || !"realtime".equals(record.get("operation")); // else a session used nothing
    List<Part> parts = new ArrayList<>();
    if (main) parts.add(rate(record, book, at));
    int n = 0;
    for (Object each : Book.list(record, "components")) { // AUB-CHG-ef99: tier, region and surface are the record's
      Book.checkParts(Book.child(each, "quantities"), "/components/" + n++);
      Map<String, Object> component = new HashMap<>(record);
      component.keySet().removeAll(List.of("features", "character_rule", "model"));
      component.putAll(Book.object(each));
      parts.add(rate(component, book, at));
    }
    Map<String, Object> leading = main ? parts.get(0).entry
        : parts.stream().map(Part::entry).filter(Objects::nonNull).findFirst().orElse(null);
    return settle(parts, leading, book);
  }

  /** Joins the parts, and the table of status and total: the first row that applies decides. */
  private static Map<String, Object> settle(List<Part> parts, Map<String, Object> leading, Map<String, Object> book) {
    Object currency = currency(leading, book);
    List<Object> lines = new ArrayList<>(), gaps = new ArrayList<>();
    Set<String> flags = new TreeSet<>();
    Fraction exact = Fraction.ZERO;
    boolean free = true, unmetered = false;
    for (Part part : parts) {
      flags.addAll(part.flags);
      for (int i = 0; i < part.lines.size(); i++) {
        Map<String, Object> line = part.lines.get(i);
        if (!currency.equals(currency(part.entry, book))) {
          part.gaps.add(gap(line.get("model"), (String) line.get("quantity"), "currency", line.get("measured")));
          continue;
        }
        lines.add(line);
        exact = exact.plus(part.exact.get(i));
        free &= !Fraction.of(line.get("amount"), "0").positive();
      }
      unmetered |= part.gaps.stream().anyMatch(gap -> "quantity_unknown".equals(gap.get("reason")));
      gaps.addAll(part.gaps);
    }
    String total = exact.round12();
    Object id = leading == null ? null : leading.get("id");
    List<String> named = List.copyOf(flags);
    if (gaps.isEmpty()) return charge(free && !lines.isEmpty() ? "free" : "priced", currency, total, lines, gaps, named, id);
    if (!total.equals("0")) return charge("partial", currency, total, lines, gaps, named, id); // AUB-CHG-b5cd
    return charge(unmetered ? "unmetered" : "unpriced", currency, null, lines, gaps, named, id); // AUB-CHG-a645, 57df
  }

  private static Object currency(Map<String, Object> entry, Map<String, Object> book) {
    return entry != null && entry.containsKey("currency") ? entry.get("currency") : book.get("currency");
  }

  private static Map<String, Object> charge(String status, Object currency, String total, List<?> lines, List<?> gaps,
      List<String> flags, Object entry) {
    Map<String, Object> found = new HashMap<>(Map.of("status", status, "currency", currency, "lines", lines,
        "unpriced", gaps, "flags", flags));
    found.put("total", total);
    if (entry != null) found.put("entry", entry);
    return found;
  }

  private static Map<String, Object> gap(Object model, String quantity, String reason, Object measured) {
    Map<String, Object> found = new HashMap<>(Map.of("model", model, "quantity", quantity, "reason", reason));
    if (measured != null) found.put("measured", measured.toString());
    return found;
  }

  /** Steps 3 and 4 for the main usage or one component: its entry, lines and gaps. */
  private static Part rate(Map<String, Object> record, Map<String, Object> book, String at) {
    Object model = record.get("model");
    if (model == null) return empty(new HashMap<>(Map.of("reason", "model_unknown"))); // once for the component
    Map<String, Object> entry = Book.choose(book, record, at), quantities = Book.child(record, "quantities");
    if (entry == null) { // AUB-CHG-f657
      Map<String, Object> looked = new HashMap<>(Map.of("service_tier", "standard", "at", at));
      for (String name : List.of("provider", "model", "operation", "surface", "region", "service_tier")) {
        if (record.get(name) != null) looked.put(name, record.get(name));
      }
      return empty(new HashMap<>(Map.of("model", model, "reason", "no_entry", "looked_up", looked)));
    }
    Part part = new Part(entry, new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new TreeSet<>());
    String family = (String) entry.get("pricing_model");
    List<String> own = Book.FAMILIES.get(family), unknown = Leaves.missing(entry, Book.list(record, "unknown"));
    if (family.equals(Book.REQUESTS)) { // its quantity is a fee like any other, below
    } else if (own.stream().noneMatch(quantities::containsKey)) {
      boolean reported = Book.FAMILIES.values().stream().flatMap(List::stream).filter(name -> !Book.FEES.contains(name))
          .anyMatch(name -> (Book.child(record, "basis").get(name) + "").startsWith("provider_"));
      List<String> whole = family.equals(Book.TOKENS) ? List.of("input_tokens", "output_tokens") : own;
      List<String> names = !unknown.isEmpty() ? unknown : Leaves.missing(entry, whole);
      String reason = reported ? "unit_mismatch" : "quantity_unknown"; // AUB-CHG-4688
      (names.isEmpty() ? whole : names).forEach(name -> part.gaps.add(gap(model, name, reason, null)));
    } else {
      unknown.forEach(name -> part.gaps.add(gap(model, name, "quantity_unknown", null)));
      if (family.equals(Book.TOKENS)) {
        for (Leaves.Leaf leaf : new Leaves(record, entry, part.flags).found) {
          if (leaf.rate() != null) bill(part, leaf.rate(), leaf.measured(), record);
          else part.gaps.add(gap(model, leaf.name(), leaf.reason(), leaf.measured().text()));
        }
      } else billWhole(part, own.get(0), record);
    }
    for (String fee : Book.FEES) { // absent counts as 1
      Fraction measured = Fraction.of(quantities.get(fee), "1");
      if (Book.child(entry, "rates").containsKey(fee) && measured.positive()) bill(part, fee, measured, record);
    }
    return part;
  }

  private static Part empty(Map<String, Object> gap) {
    return new Part(null, List.of(), List.of(), new ArrayList<>(List.of(gap)), Set.of());
  }

  private static void billWhole(Part part, String name, Map<String, Object> record) { // AUB-CHG-ea89, AUB-CHG-d6d8
    Fraction measured = Fraction.of(Book.child(record, "quantities").get(name), "0");
    Map<String, Object> price = Book.child(Book.child(part.entry, "rates"), name);
    Object rule = requireNonNullElse(record.get("character_rule"), "code_points");
    if (!measured.positive()) return; // a quantity of zero needs no rate
    if (!price.isEmpty() && rule.equals(price.getOrDefault("rule", rule))) bill(part, name, measured, record);
    else part.gaps.add(gap(record.get("model"), name, "no_rate", measured.text()));
  }

  /** One base line and the lines of its add-ons, modifiers in the order of AUB-CHG-1654. */
  private static void bill(Part part, String name, Fraction measured, Map<String, Object> record) {
    Map<String, Object> rate = Book.child(Book.child(part.entry, "rates"), name);
    Map<String, Object> quantities = Book.child(record, "quantities"), addons = new LinkedHashMap<>(Book.child(part.entry, "addons"));
    boolean fee = Book.FEES.contains(name) && !Book.REQUESTS.equals(part.entry.get("pricing_model"));
    addons.keySet().removeIf(feature -> fee || !Book.list(record, "features").contains(feature)); // not for fees
    Fraction billed = measured.most(Fraction.of(rate.get("minimum"), "0")); // AUB-CHG-a469
    for (Object each : addons.values()) billed = billed.most(Fraction.of(Book.object(each).get("minimum"), "0"));
    if (rate.containsKey("step")) billed = billed.ceilTo(Fraction.of(rate.get("step"), "1")); // AUB-CHG-6162
    if (rate.containsKey("multiply_by")) billed = billed.times(Fraction.of(quantities.get(rate.get("multiply_by")), "1"));
    Object amount = rate.get("amount");
    Map<String, Object> tiers = Book.child(rate, "tiers");
    if (!tiers.isEmpty()) { // AUB-CHG-56ac
      Object by = quantities.get(tiers.get("by"));
      if (by == null) {
        part.gaps.add(gap(record.get("model"), name, "quantity_unknown", measured.text()));
        return;
      }
      for (Object step : Book.list(tiers, "steps")) {
        if (Fraction.of(Book.object(step).get("above"), "0").compareTo(Fraction.of(by, "0")) < 0) amount = Book.object(step).get("amount");
      }
    }
    line(part, name, record, measured, billed, amount, rate.get("per"), null);
    for (var each : addons.entrySet()) { // AUB-CHG-444f
      Map<String, Object> addon = Book.object(each.getValue());
      Object share = addon.get("percent");
      Object own = share == null ? addon.get("amount")
          : Fraction.of(amount, "0").times(Fraction.of(share, "0")).over(Fraction.of("100", "")).text();
      line(part, name, record, measured, billed, own, share == null ? addon.get("per") : rate.get("per"), each.getKey());
    }
  }

  private static void line(Part part, String name, Map<String, Object> record, Fraction measured, Fraction billed,
      Object amount, Object per, String addon) {
    Object multiplier = part.entry.get("multiplier"); // AUB-CHG-2a11
    Fraction exact = billed.times(Fraction.of(amount, "0")).over(Fraction.of(per, "1")).times(Fraction.of(multiplier, "1"));
    Map<String, Object> found = new HashMap<>(Map.of("model", record.get("model"), "quantity", name, "measured",
        measured.text(), "billed", billed.text(), "amount", amount, "per", per, "subtotal", exact.round12()));
    if (multiplier != null) found.put("multiplier", multiplier);
    if (addon != null) found.put("addon", addon);
    part.lines.add(found);
    part.exact.add(exact);
  }
}
