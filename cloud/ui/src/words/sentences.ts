/** The sentences in which the cloud says why a link is down, and the words that say the same: pure. */
const SENTENCES = [
  [/^silent$/, 'cause.silent'],
  [/^numbers (?<first>\d+) to (?<last>\d+) are missing$/, 'cause.numbers'],
  [/^numbers (?<ranges>[\d, -]+) are lost: its spool was damaged$/, 'cause.lost'],
  [/^its disk is full: it keeps taking alarms, but refuses the rest$/, 'cause.disk_full'],
  [/^two agents speak with one identity$/, 'cause.two_agents'],
  [/^an older copy of its spool was put back, or a second agent has its identity$/, 'cause.old_spool'],
  [/^the site has no agent (?<agent>\S+)$/, 'cause.no_agent'],
  [/^(?<agent>\S+) told of (?<device>\S+), which is read by (?<owner>.+)$/, 'cause.other_agent'],
  [/^(?<agent>\S+) told of (?<device>\S+), which only people at their screens tell of$/, 'cause.desk_only'],
  [/^(?<agent>\S+) told of (?<device>\S+), which is on no line of any agent$/, 'cause.no_line'],
  [/^(?<agent>\S+) told (?<event>\S+) of (?<device>\S+), which only people at their screens tell$/, 'cause.desk_event'],
  [/^says it is of '(?<said>.+)' but was sent by '(?<agent>.+)'$/, 'cause.other_name'],
] as const

export type CauseWord = (typeof SENTENCES)[number][1]

/** The word for a cause, and what fills its gaps; null where it is none of the sentences. */
export function sentenceOf(cause: string): { word: CauseWord; gaps: Record<string, string> } | null {
  for (const [sentence, word] of SENTENCES) {
    const found = sentence.exec(cause)
    if (found) return { word, gaps: { ...found.groups } }
  }
  return null
}
