import java.math.BigInteger;
import java.util.*;

/** A JSON reader that keeps the digits of every number, and one text for one value. */
final class Json {
  /** A JSON number as its text. */
  record Num(String raw) {
    @Override public String toString() { return raw; }
  }

  private final String text;
  private int at;

  private Json(String text) { this.text = text; }

  static Object parse(String text) {
    Json reader = new Json(text);
    Object value = reader.value();
    reader.blank();
    if (reader.at < text.length()) throw reader.wrong();
    return value;
  }

  private IllegalArgumentException wrong() { return new IllegalArgumentException("not JSON at character " + at); }

  private void blank() { while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++; }

  private char peek() {
    blank();
    if (at >= text.length()) throw wrong();
    return text.charAt(at);
  }

  private boolean take(char wanted) {
    if (peek() != wanted) return false;
    at++;
    return true;
  }

  private void need(char wanted) { if (!take(wanted)) throw wrong(); }

  private Object value() {
    char next = peek();
    if (next == '"') return string();
    if (take('{')) {
      Map<String, Object> found = new LinkedHashMap<>();
      while (!take('}')) {
        if (!found.isEmpty()) need(',');
        if (peek() != '"') throw wrong();
        String key = string();
        need(':');
        if (found.containsKey(key)) throw wrong();
        found.put(key, value());
      }
      return found;
    }
    if (take('[')) {
      List<Object> found = new ArrayList<>();
      while (!take(']')) {
        if (!found.isEmpty()) need(',');
        found.add(value());
      }
      return found;
    }
    int from = at;
    while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
    String word = text.substring(from, at);
    return switch (word) {
      case "true" -> true;
      case "false" -> false;
      case "null" -> null;
      default -> {
        if (!word.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")) throw wrong();
        yield new Num(word);
      }
    };
  }

  private String string() {
    StringBuilder found = new StringBuilder();
    for (at++; ; at++) {
      if (at >= text.length()) throw wrong();
      char next = text.charAt(at);
      if (next == '"') break;
      if (next == '\\') {
        next = text.charAt(++at);
        int known = "bfnrt".indexOf(next);
        if (known >= 0) next = "\b\f\n\r\t".charAt(known);
        else if (next == 'u') {
          next = (char) new BigInteger(text.substring(at + 1, at + 5), 16).intValue();
          at += 4;
        }
      }
      found.append(next);
    }
    at++;
    return found.toString();
  }

  /** Keys sorted, digits kept: two values are equal when their texts are. */
  static String canon(Object value) {
    if (value instanceof Map<?, ?> map) {
      List<String> members = new ArrayList<>();
      new TreeMap<>(map).forEach((name, member) -> members.add(canon(name) + ":" + canon(member)));
      return "{" + String.join(",", members) + "}";
    }
    if (value instanceof List<?> list) return "[" + String.join(",", list.stream().map(Json::canon).toList()) + "]";
    return value instanceof String ? "\"" + value + "\"" : String.valueOf(value);
  }
}
