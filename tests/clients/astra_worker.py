"""Runs actoolkit's SDKCommon, untouched, for the tests: one JSON order a line on stdin, one JSON result a line on stdout.

    astra_worker.py BASE DOMAIN ACCOUNT
"""

import contextlib
import io
import json
import sys

import requests
from astraSDK.common import SDKCommon


def main():
    base, domain, account = sys.argv[1:]
    session, sent = requests.Session(), []
    session.hooks["response"].append(lambda answer, **_: sent.append(
        {"method": answer.request.method, "url": answer.request.url, "body": len(answer.request.body or b""),
         "status": answer.status_code, "type": answer.headers.get("Content-Type"), "text": answer.text}))
    sdk = SDKCommon(config={"base": base, "session": session, "domain": domain, "account_id": account})
    answers = sys.stdout

    def connections():
        pools = session.get_adapter(base).poolmanager.pools
        return sum(pools[key].num_connections for key in pools.keys())

    for line in sys.stdin:
        order, printed, told = json.loads(line), io.StringIO(), {}
        sent.clear()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                if "headers" in order:
                    session.headers.update(order["headers"])
                elif "table" in order:
                    told["table"] = sdk.basicTable(*order["table"])
                else:
                    call = order["call"]
                    answer = sdk.apicall(call["method"], call["url"], call["data"], call["headers"], call["params"],
                                         quiet=call.get("quiet", True))
                    told = {"status": answer.status_code, "headers": dict(answer.headers), "text": answer.text}
            except SystemExit as error:
                told["exit"] = str(error)
        told.update(printed=printed.getvalue(), sent=list(sent), connections=connections())
        print(json.dumps(told), file=answers, flush=True)


main()
