import asyncio, gc
from collections import Counter
import pytest
from dispatch_harness import *
from dispatch_harness import ask, fails, healthy, route, serve, use, provider_with
from penstock.wire.routing import Fallback, Retries, Breaker
from penstock.wire.snapshot import Timeouts

def measure(label):
    gc.collect(); 
    return label

async def count(gateway, label, n=50, **kw):
    await ask(gateway, **kw)
    gc.collect(); gc.disable()
    for _ in range(n):
        await ask(gateway, **kw)
    await asyncio.sleep(0.05)
    gc.set_debug(gc.DEBUG_SAVEALL)
    found = gc.collect()
    kinds = Counter(type(o).__name__ for o in gc.garbage)
    fr = Counter()
    for o in gc.garbage:
        if type(o).__name__ in ('frame','coroutine'):
            c = getattr(o,'f_code',None) or getattr(o,'cr_code',None)
            fr[c.co_qualname+':'+c.co_filename.split('/')[-1]] += 1
        elif isinstance(o, BaseException): fr['EXC '+repr(o)[:80]] += 1
    gc.set_debug(0); gc.garbage.clear(); gc.enable()
    print(f"\n== {label}: {found/n:.1f} objects a call", kinds.most_common(14)); print(fr.most_common(25))

@pytest.mark.parametrize("stream", [False, True])
async def test_it(gateway, provider, second, stream):
    healthy(provider, "first"); healthy(second, "second")
    never = Breaker(minimum=100000)
    import msgspec
    provs = provider_with(gateway, "p", breaker=never, timeouts=Timeouts(connect=1, first_byte=0.05, gap=0.05, total=5))
    serve(gateway, route(use("a")), providers=provs)
    await count(gateway, "ok", stream=stream)
    serve(gateway, route(Fallback(of=(use("a"), use("b"))), retries=Retries(attempts=0)), providers=provs)
    fails(provider)
    await count(gateway, "500 -> fallback", stream=stream)
    async def closes(r, w): w.close()
    provider.script = closes
    await count(gateway, "cut -> fallback", stream=stream)
    provider.script = provider.silence
    await count(gateway, "silent -> fallback", n=10, stream=stream)
    fails(provider); fails(second)
    await count(gateway, "both fail", stream=stream)

from penstock.wire.routing import Hedge, Shadow, Cascade, RegexCheck
async def test_more(gateway, provider, second):
    healthy(provider, "first"); healthy(second, "second")
    never = Breaker(minimum=100000)
    provs = provider_with(gateway, "p", breaker=never, timeouts=Timeouts(connect=1, first_byte=0.05, gap=0.05, total=5))
    serve(gateway, route(Hedge(use=use("a"), backup=use("b"), after=0.01, at_least=0.01)), providers=provs)
    provider.script = provider.silence
    await count(gateway, "hedge silent", n=10)
    fails(provider)
    await count(gateway, "hedge first fails", n=10)
    serve(gateway, route(Shadow(use=use("b"), to=use("a"), sample=1.0)), providers=provs)
    await count(gateway, "shadow fails", n=10)
    healthy(provider, "first")
    serve(gateway, route(Cascade(steps=(use("a"), use("b")), checks=(RegexCheck(pattern="zzz"),))), providers=provs)
    await count(gateway, "cascade", n=10)
