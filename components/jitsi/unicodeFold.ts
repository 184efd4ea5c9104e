/**
 * Folding of names in Unicode, for HAProxy, whose own `lower` knows ASCII alone.
 *
 * The client normalizes a room's name (NFKC) and lowers it by JavaScript's rules before it asks for it; the page's
 * path has the name as it was typed. What must agree is folded further than either: each code point is decomposed
 * (NFKD), lowered, decomposed again, and loses its combining marks. Then order, composition and context (a final
 * sigma) make no difference. Two names that fold to one share a shard, which harms nobody; the other way about
 * a room would be on two.
 */

/** Latin, Greek, Cyrillic … up to the last script with case; compatibility ideographs; tags and variation selectors. */
const FOLDED_RANGES = [
  [0x80, 0x33ff],
  [0xa000, 0xabff],
  [0xf900, 0x1ffff],
  [0x2f800, 0x2fa1f],
  [0xe0000, 0xe0fff],
] as const;

/** What a code point folds to; Hangul syllables apart, which the script takes apart by arithmetic. */
function foldedCodePoint(codePoint: number): string {
  return String.fromCodePoint(codePoint)
    .normalize("NFKD")
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replaceAll("ς", "σ");
}

/** Code points `first`, `first + step` …, whose results rise by `rise` each: capitals before their small letters. */
interface Run {
  readonly first: number;
  readonly step: number;
  readonly rise: number;
  readonly folded: readonly number[];
  readonly last: number;
}

function runs(): Run[] {
  const found: Run[] = [];
  for (const [from, to] of FOLDED_RANGES)
    for (let codePoint = from; codePoint <= to; codePoint++) {
      const text = foldedCodePoint(codePoint);
      if (text === String.fromCodePoint(codePoint)) continue;
      const folded = Array.from(text, (character) => character.codePointAt(0) ?? 0);
      const longer = found.length > 0 ? extended(found[found.length - 1], codePoint, folded) : undefined;
      if (longer) found[found.length - 1] = longer;
      else found.push({ first: codePoint, step: 1, rise: 0, folded, last: codePoint });
    }
  return found;
}

/** The run with one code point more, if that continues it. */
function extended(run: Run | undefined, codePoint: number, folded: readonly number[]): Run | undefined {
  if (run?.folded.length !== folded.length || folded.length > 1) return undefined;
  const alone = run.last === run.first;
  const step = codePoint - run.last;
  if (alone ? step > 2 : step !== run.step) return undefined;
  const [start, now] = [run.folded[0] ?? 0, folded[0] ?? 0];
  const rise = alone ? now - start : run.rise;
  if (rise !== 0 && rise !== step) return undefined;
  const place = (codePoint - run.first) / step;
  return now === start + place * rise ? { ...run, step, rise, last: codePoint } : undefined;
}

/**
 * Lua that defines `foldUnicode(text)`: UTF-8 in, UTF-8 out. ASCII stays as it is, and so do bytes that are no UTF-8.
 *
 * The table is made of the Unicode data of the Node that runs this.
 */
export function foldScript(): string {
  const base = (number: number): string => number.toString(36);
  let before = 0;
  const packed = runs().map(({ first, step, rise, folded, last }) => {
    const gap = base(first - before);
    before = last;
    const count = (last - first) / step;
    const repeated = count === 0 ? "" : `*${base(count)}${step === 2 ? "!" : ""}${rise > 0 ? "+" : ""}`;
    return `${gap}${repeated}=${folded.map(base).join(",")}`;
  });
  return `-- Code points and what they fold to: gap to the one before[*how many more[! every second][+ result rises]]=result.
local packed = [[
${packed
  .map((run) => `${run};`)
  .join("")
  .replace(/.{1,110};/g, "$&\n")}]]
local folds = {}
local at = 0
for gap, more, second, rises, folded in packed:gmatch("(%w+)%*?(%w*)(!?)(%+?)=([%w,]*);") do
  local step = second == "!" and 2 or 1
  local rise = rises == "+" and step or 0
  local codePoints = {}
  for codePoint in folded:gmatch("%w+") do
    codePoints[#codePoints + 1] = tonumber(codePoint, 36)
  end
  at = at + tonumber(gap, 36)
  for place = 0, more == "" and 0 or tonumber(more, 36) do
    if place > 0 then
      at = at + step
      if codePoints[1] then codePoints[1] = codePoints[1] + rise end
    end
    folds[utf8.char(at)] = utf8.char(table.unpack(codePoints))
  end
end
-- Hangul syllables: a lead, a vowel and perhaps a tail.
local function hangul(bytes)
  local first, second, third = bytes:byte(1, 3)
  local place = ((first & 15) << 12 | (second & 63) << 6 | third & 63) - 0xAC00
  if place < 0 or place > 11171 then return nil end
  local lead, vowel, tail = 0x1100 + place // 588, 0x1161 + place % 588 // 28, place % 28
  if tail == 0 then return utf8.char(lead, vowel) end
  return utf8.char(lead, vowel, 0x11A7 + tail)
end
-- What is no sequence of UTF-8 stays, whatever stands beside it.
local more = "[\\x80-\\xBF]"
local two, three, four = "[\\xC2-\\xDF]" .. more, "[\\xE0-\\xEF]" .. more:rep(2), "[\\xF0-\\xF4]" .. more:rep(3)
local syllable = "[\\xEA-\\xED]" .. more:rep(2)
local function foldUnicode(text)
  if not text:find("[\\x80-\\xFF]") then return text end
  return (text:gsub(two, folds):gsub(syllable, hangul):gsub(three, folds):gsub(four, folds))
end
`;
}
