import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/** An exact number: prices such as a thirtieth of a cent have no decimal form. */
record Fraction(BigInteger n, BigInteger d) implements Comparable<Fraction> {
  static final Fraction ZERO = new Fraction(BigInteger.ZERO, BigInteger.ONE);

  /** The number that a decimal string or a JSON number stands for; absent counts as the other. */
  static Fraction of(Object value, String other) {
    BigDecimal found = new BigDecimal(value == null ? other : value.toString());
    BigInteger digits = found.unscaledValue();
    int places = found.scale();
    return places < 0 ? new Fraction(digits.multiply(BigInteger.TEN.pow(-places)), BigInteger.ONE)
        : new Fraction(digits, BigInteger.TEN.pow(places));
  }

  Fraction plus(Fraction o) { return new Fraction(n.multiply(o.d).add(o.n.multiply(d)), d.multiply(o.d)); }
  Fraction minus(Fraction o) { return plus(new Fraction(o.n.negate(), o.d)); }
  Fraction times(Fraction o) { return new Fraction(n.multiply(o.n), d.multiply(o.d)); }
  Fraction over(Fraction o) { return new Fraction(n.multiply(o.d), d.multiply(o.n)); }
  Fraction least(Fraction o) { return compareTo(o) < 0 ? this : o; }
  Fraction most(Fraction o) { return compareTo(o) > 0 ? this : o; }
  boolean positive() { return n.signum() > 0; }

  @Override public int compareTo(Fraction o) { return n.multiply(o.d).compareTo(o.n.multiply(d)); }

  /** The next multiple of the unit; a multiple stays (AUB-CHG-6162). */
  Fraction ceilTo(Fraction unit) {
    Fraction times = over(unit);
    BigInteger[] parts = times.n.divideAndRemainder(times.d);
    BigInteger up = parts[1].signum() > 0 ? parts[0].add(BigInteger.ONE) : parts[0];
    return unit.times(new Fraction(up, BigInteger.ONE));
  }

  /** Rounded half to even, to 12 places (AUB-CHG-79ca). */
  String round12() { return text(new BigDecimal(n).divide(new BigDecimal(d), 12, RoundingMode.HALF_EVEN)); }

  /** Canonical text: no exponent, no sign on zero, no zeros at the end after the point (AUB-TRM-2b2b). */
  String text() { return text(new BigDecimal(n).divide(new BigDecimal(d), MathContext.UNLIMITED)); }

  private static String text(BigDecimal value) {
    return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
  }
}
