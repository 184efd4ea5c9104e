/** A time series' newest value; undefined: it has none. */
type Sample = number | undefined;

const TOKENS = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|&&|\|\||[-+*/<>(),]))/y;
const OPERATORS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!=", "<", ">", "<=", ">="],
  ["+", "-"],
  ["*", "/"],
];

/**
 * What CloudWatch's metric maths makes of metrics' newest values, as far as a scaling policy needs it: arithmetic,
 * comparison and logic, where what is missing makes the result missing; FILL(m, number) and IF(condition, a, b) (user
 * guide of CloudWatch, "Using math expressions with CloudWatch metrics"). Throws on anything else.
 */
export function evaluate(expression: string, metrics: ReadonlyMap<string, Sample>): Sample {
  const tokens = tokensOf(expression);
  let next = 0;
  const fail = (): never => {
    throw new Error(
      `The emulator cannot evaluate ${expression}: ${tokens[next] ?? "it ends"} was not expected.`,
    );
  };
  const take = (token: string): void => {
    if (tokens[next] !== token) fail();
    next++;
  };

  const binary = (level: number): Sample => {
    const operators = OPERATORS[level];
    if (operators === undefined) return unary();
    let left = binary(level + 1);
    for (
      let operator = tokens[next];
      operator !== undefined && operators.includes(operator);
      operator = tokens[next]
    ) {
      next++;
      left = apply(operator, left, binary(level + 1));
    }
    return left;
  };
  const unary = (): Sample => {
    if (tokens[next] !== "-") return primary();
    next++;
    const value = unary();
    return value === undefined ? undefined : -value;
  };
  const primary = (): Sample => {
    const token = tokens[next++];
    if (token === "(") {
      const value = binary(0);
      take(")");
      return value;
    }
    if (token !== undefined && /^\d/.test(token)) return Number(token);
    if (token === "IF" || token === "FILL") return call(token);
    if (token !== undefined && metrics.has(token)) return metrics.get(token);
    next--;
    return fail();
  };
  const call = (name: "IF" | "FILL"): Sample => {
    take("(");
    const given = [binary(0)];
    while (tokens[next] === ",") {
      next++;
      given.push(binary(0));
    }
    take(")");
    if (given.length !== (name === "IF" ? 3 : 2)) fail();
    const [first, second, third] = given;
    if (name === "FILL") return first ?? second;
    return first === undefined ? undefined : first !== 0 ? second : third;
  };

  const value = binary(0);
  if (next < tokens.length) fail();
  return value;
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < expression.trimEnd().length) {
    const at = TOKENS.lastIndex;
    const match = TOKENS.exec(expression);
    if (!match)
      throw new Error(`The emulator cannot evaluate ${expression}, from ${expression.slice(at)} on.`);
    tokens.push(match[0].trim());
  }
  return tokens;
}

function apply(operator: string, left: Sample, right: Sample): Sample {
  if (left === undefined || right === undefined) return undefined;
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return right === 0 ? undefined : left / right;
    case "<":
      return Number(left < right);
    case ">":
      return Number(left > right);
    case "<=":
      return Number(left <= right);
    case ">=":
      return Number(left >= right);
    case "==":
      return Number(left === right);
    case "!=":
      return Number(left !== right);
    case "&&":
      return Number(left !== 0 && right !== 0);
    default:
      return Number(left !== 0 || right !== 0);
  }
}
