/** Short names for the shapes of the API, and the kinds of matters with what they hold. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Words = Schemas['Words']
export type SiteView = Schemas['SiteView']
export type SiteDetail = Schemas['SiteDetail']
export type Incident = Omit<Schemas['IncidentView'], 'life'> & { life: Schemas['Life'] }
export type Episode = Schemas['EpisodeView']
export type Verdict = Schemas['VerdictView']
export type Rule = Schemas['RuleView']
export type EventRow = Schemas['EventView']
export type Device = Schemas['DeviceView']
export type Agent = Schemas['AgentView']
export type Answer = Schemas['AnswerView']
export type Action = Schemas['Action']
export type Change = Schemas['ChangeMessage']
export type ChangeKind = Schemas['ChangeKind']

/** A matter that people work on, with its body. In a body a field that has its default is not there. */
export type Matter<Body> = Omit<Schemas['RecordView'], 'body'> & { body: Body }
export type Alarm = Matter<Schemas['Alarm']>
export type Order = Matter<Schemas['Order']>
export type Upkeep = Matter<Schemas['Course']>
export type Drill = Matter<Schemas['Drill']>
export type Shift = Matter<Schemas['Duty']>
export type Check = Matter<Schemas['Check']>
export type Screen = Matter<Schemas['Screen']>
export type Escalation = Matter<Schemas['Escalation']>
