-- What waits, channel by channel, so that one channel's flood never stands before another's message.
CREATE INDEX inbound_waiting_of ON inbound (channel_id, id) WHERE state = 'waiting';
DROP INDEX inbound_waiting;
