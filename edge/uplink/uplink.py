"""The way up, carried out: what the machine decides, over one MQTT connection after another."""

import asyncio
import random

import msgspec
import structlog
import zstandard

from contract.batch import AgentState, Coverage, Lane, TimeReply, ack_decoder, encode, time_reply_decoder
from contract.topics import Address
from edge import clock
from edge.coverage import CoverageTracker
from edge.errors import BrokerLost, SpoolForked
from edge.intake import Intake, event
from edge.mqtt import Endpoint, Message, MqttConnection, Session, Will
from edge.pauses import Pauses
from edge.spool.base import BatchName, Spool
from edge.spool.desk import Desk
from edge.timekeeper import Timekeeper
from edge.together import together
from edge.uplink import machine as decide
from edge.uplink.message import Envelope, Parcel, heartbeat, pack

_TICK_S = 0.25
_STEADY_MS = 5_000
"""A connection that stood so long was a good one: the next pause is a short one again."""

_OFFLINE = encode(AgentState(online=False))

log = structlog.get_logger("edge.uplink")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are, where the broker is, and whether batches travel as zstd frames."""

    address: Address
    endpoint: Endpoint
    version: str = ""
    compress: bool = False


class Uplink:
    """Sends what the spool holds to the cloud, until the cloud has it."""

    def __init__(
        self,
        route: Route,
        *,
        desk: Desk,
        intake: Intake,
        tracker: CoverageTracker,
        time: Timekeeper,
        machine: decide.Machine,
        random_source: random.Random,
    ) -> None:
        self._route = route
        self._address = route.address
        self._desk = desk
        self._intake = intake
        self._tracker = tracker
        self._time = time
        self._machine = machine
        self._wrap = zstandard.ZstdCompressor().compress if route.compress else bytes
        self._started = clock.boot_ms()
        self._pauses = Pauses(1.0, 4.0, random_source)
        self._coming: MqttConnection | None = None
        self._connection: MqttConnection | None = None
        self._leaving = False
        self._on_way: dict[int, BatchName | None] = {}
        self._refused: list[BatchName] = []
        self._actions: list[decide.Action] = []
        self._wake = asyncio.Event()
        self._lost_said = False

    def rows_changed(self) -> None:
        """The spool holds more rows, or fewer."""
        self._machine.kept(self._intake.last, clock.boot_ms())
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled. What it raises is a programming error or the end of the spool."""
        self._refused = await self._desk.do(lambda spool: spool.refused_batches())
        self.rows_changed()
        try:
            await together(self._conduct(), self._stay_connected())
        finally:
            self._ended()

    # --- connections

    async def _stay_connected(self) -> None:
        while True:
            began = clock.boot_ms()
            try:
                await self._one_connection()
            except BrokerLost as error:
                self._say_lost(str(error))
            finally:
                self._ended()
            if clock.boot_ms() - began >= _STEADY_MS:
                self._pauses.reset()
            await asyncio.sleep(self._pauses.next_s())

    def _say_lost(self, why: str) -> None:
        if not self._lost_said and not self._leaving:
            log.warning("the broker is out of reach", action="broker_lost", why=why)
            self._lost_said = True

    async def _one_connection(self) -> None:
        session = Session(
            client_id=f"sitewarden-{self._address.site}-{self._address.agent}",
            will=Will(self._address.topic("state"), _OFFLINE),
        )
        connection = await MqttConnection.connect(self._route.endpoint, session, self)
        self._coming = connection
        try:
            await connection.run()
        finally:
            connection.release()

    def on_connected(self, remembered: bool) -> None:  # noqa: ARG002 - clean sessions are never remembered
        """A connection stands: ask for answers, and begin to send."""
        if self._coming is None:
            return
        self._connection = self._coming
        self._connection.subscribe([self._address.topic("ack"), self._address.topic("time-reply")], qos=0)
        self._on_way.clear()
        self._machine.connect(clock.boot_ms())
        self._wake.set()
        if self._lost_said:
            log.info("the broker is back", action="broker_back")
        self._lost_said = False

    def _ended(self) -> None:
        self._coming = self._connection = None
        self._on_way.clear()
        self._machine.disconnect(clock.boot_ms())

    def leave(self) -> None:
        """Say goodbye, if there is anybody to say it to, and connect no more."""
        self._leaving = True
        if self._connection is not None:
            self._connection.publish(self._address.topic("state"), _OFFLINE, retain=True)
            self._connection.close()

    # --- what comes in (see `edge.mqtt.Listener`)

    def on_message(self, message: Message) -> None:
        """An ack, or the answer to a time request. What can't be read is not for us."""
        now = clock.boot_ms()
        self._machine.heard(now)
        try:
            if message.topic.endswith("/ack"):
                ack = ack_decoder.decode(message.payload)
                self._actions += self._machine.acknowledged(ack, now)
                self._wake.set()
            else:
                self._time_answered(time_reply_decoder.decode(message.payload), now)
        except msgspec.MsgspecError as error:
            log.warning("unreadable answer", action="bad_answer", topic=message.topic, why=str(error))

    def _time_answered(self, reply: TimeReply, now: int) -> None:
        if self._time.answered(reply, now):
            self._machine.time_answered(now)
            self._wake.set()

    def on_delivered(self, mid: int) -> None:
        """The broker has a message of ours; whether anybody else ever will is another matter."""
        now = clock.boot_ms()
        self._machine.heard(now)
        if mid in self._on_way:
            name = self._on_way.pop(mid)
            if name is None:
                self._machine.beaten(now)
            else:
                self._machine.delivered(name, now)
        self._wake.set()

    def on_subscribed(self, refused: bool) -> None:
        """Without answers nothing is ever acknowledged: the machine will notice, people should know why."""
        if refused:
            log.error("the broker does not let us hear acks", action="ack_denied")

    # --- what goes out

    async def _conduct(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            actions, self._actions = self._actions, []
            for action in (*actions, *self._machine.wake(clock.boot_ms())):
                await self._act(action)

    async def _act(self, action: decide.Action) -> None:
        match action:
            case decide.Fetch():
                await self._send(action)
            case decide.Beat():
                await self._beat()
            case decide.AskTime():
                self._publish("time", encode(self._time.request(clock.boot_ms())))
            case decide.TellState():
                await self._tell_state()
            case decide.Reconnect(why):
                log.warning("connecting anew", action="reconnect", why=why)
                self._hang_up()
            case decide.Fault(active, since):
                self._tell_fault(active, since)
            case _:
                await self._answered(action)

    async def _answered(
        self, action: decide.Accept | decide.Refuse | decide.Rewind | decide.BeginEpoch
    ) -> None:
        """Carry out what an ack asks of the spool."""
        match action:
            case decide.Accept(lane, through):
                await self._accept(lane, through)
            case decide.Refuse(name):
                await self._refuse(name)
            case decide.Rewind(lane, through):
                await self._rewind(lane, through)
            case decide.BeginEpoch(common):
                await self._begin_epoch(common)

    def _publish(self, channel: str, payload: bytes, *, retain: bool = False) -> int | None:
        """The number of the message, or None when there is no connection."""
        if self._connection is None:
            return None
        return self._connection.publish(self._address.topic(channel), payload, retain=retain)

    async def _send(self, fetch: decide.Fetch) -> None:
        rows = await self._desk.do(
            lambda spool: spool.next_batch(fetch.lane, fetch.after, fetch.max_rows, fetch.max_bytes // 2)
        )
        # Blind spans travel with the rows that tell of them; both are in the main lane. With lost rows they go in both.
        wanted = fetch.lane is Lane.MAIN or (rows and rows.lost)
        sources = self._tracker.unheard(self._time.map) if wanted else {}
        parcel = pack(rows, self._envelope(sources), self._time.map, self._refused) if rows else None
        if parcel is None:
            self._machine.nothing(fetch.lane)
            return
        self._dispatch(Parcel(parcel.name, self._wrap(parcel.payload)))

    def _dispatch(self, parcel: Parcel) -> None:
        number = self._publish("events", parcel.payload)
        if number is None:
            self._machine.nothing(parcel.name.lane)
            return
        self._on_way[number] = parcel.name
        self._machine.sent(parcel.name, parcel.digest, len(parcel.payload), clock.boot_ms())
        self._wake.set()

    def _envelope(self, sources: dict[str, Coverage]) -> Envelope:
        now, wall = clock.boot_ms(), clock.wall_ms()
        moment = self._time.now(now)
        return Envelope(
            agent=self._address.agent,
            sent_at=moment.at if moment else wall,
            clock_offset_ms=self._time.offset_ms(now, wall),
            through=self._intake.last,
            sources=sources,
            opening=self._machine.opening,
            lineage=self._machine.lineage,
        )

    async def _beat(self) -> None:
        statement = await self._intake.checkpoint()
        envelope = msgspec.structs.replace(self._envelope(statement.sources), through=statement.through)
        payload = heartbeat(self._desk.epoch, statement.through[Lane.MAIN], envelope)
        number = self._publish("events", self._wrap(payload))
        if number is not None:
            self._on_way[number] = None

    async def _tell_state(self) -> None:
        depth = await self._desk.do(lambda spool: spool.depth())
        now = clock.boot_ms()
        state = AgentState(
            online=True,
            version=self._route.version,
            uptime_s=(now - self._started) // 1000,
            spooled=sum(depth.waiting.values()),
            clock_offset_ms=self._time.offset_ms(now, clock.wall_ms()),
            devices={device: "offline" for device, known in self._tracker.known.items() if known.offline},
        )
        self._publish("state", encode(state), retain=True)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.hang_up()
        self._lost_said = True
        self._ended()

    def _cloud_ms(self) -> int:
        """Cloud time: a step of the machine's own clock must not let go of rows before their seven days are over."""
        moment = self._time.now(clock.boot_ms())
        return moment.at if moment else clock.wall_ms()

    async def _accept(self, lane: Lane, through: int) -> None:
        await self._desk.do(lambda spool: spool.accept(lane, through, self._cloud_ms()))
        if lane is Lane.MAIN:
            self._tracker.acknowledged(through, clock.boot_ms())

    async def _refuse(self, name: BatchName) -> None:
        log.error("the cloud can't read a batch", action="refused", batch=msgspec.to_builtins(name))

        def refuse(spool: Spool) -> list[BatchName]:
            spool.refuse(name, self._cloud_ms())
            return spool.refused_batches()

        self._refused = await self._desk.do(refuse)

    async def _rewind(self, lane: Lane, through: int) -> None:
        log.warning("the cloud lost what it had", action="rewind", lane=lane, through=through)
        accepted = await self._desk.do(lambda spool: spool.rewind(lane, through))
        self._machine.rewound(lane, accepted, clock.boot_ms())

    async def _begin_epoch(self, common: dict[Lane, int]) -> None:
        await self._intake.kept()
        await self._desk.do(lambda spool: spool.begin_epoch(common))
        raise SpoolForked(
            "the cloud has other rows under the numbers of this spool: an older copy of it was put back, or a"
            " second agent has this one's identity"
        )

    def _tell_fault(self, active: bool, since: int) -> None:
        now = clock.boot_ms()
        if active:
            log.error("nobody acknowledges", action="fault_raised", for_ms=now - since)
        else:
            log.info("the cloud acknowledges again", action="fault_cleared")
        data = {"what": "uplink", "state": "active" if active else "cleared", "silent_ms": now - since}
        self._intake.put([event(self._address.agent, "device.fault", now, data)])
