from support.sessions import *
from support.deadline import wait_until
async def test_it(mosquitto):
    a=Agent(mosquitto.port)
    async with watching(mosquitto.port, "water/#") as w:
      async with running(a):
        assert a.session.protocol=="5"
        async with client(mosquitto.port) as c:
            await c.publish(LEVEL,b"1",qos=1)
            await wait_until(lambda: a.messages)
            print(a.messages)
            a.acknowledge(0)
      print([ (m.topic.value,m.payload) for m in w.messages])
