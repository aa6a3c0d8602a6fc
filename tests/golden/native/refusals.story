# Every status that the table names, in problem+json.
admin: all.User owner=mira
reader: admin.read things.read owner=mira
bare: things.read owner=tom
>>>
GET /admin/v1/tokens HTTP/1.1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-credential","title":"No credential","status":401,"detail":"This path needs a token; send it as Authorization: Bearer <token>."}
>>>
GET /admin/v1/tokens HTTP/1.1
Authorization: Bearer tg_mistyped

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer error="invalid_token"
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-token","title":"Invalid token","status":401,"detail":"The token cannot be used."}
>>>
GET /admin/v1/tokens HTTP/1.1
Authorization: Bearer $reader
Authorization: Bearer $admin

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer error="invalid_request"
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:ambiguous-credential","title":"Ambiguous credential","status":400,"detail":"The request carries two credentials that differ, or repeats the Authorization field. Send one."}
>>>
GET /admin/v1/tokens HTTP/1.1
Authorization: Bearer $bare

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer error="insufficient_scope", scope="admin.read"
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:insufficient-scope","title":"Insufficient scope","status":403,"detail":"The token is valid but lacks the scope admin.read."}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $reader

{"name": "x"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer error="insufficient_scope", scope="admin.write"
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:insufficient-scope","title":"Insufficient scope","status":403,"detail":"The token is valid but lacks the scope admin.write."}
>>>
GET /admin/v1/nothing HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:not-found","title":"Not found","status":404,"detail":"Nothing is served at this path."}
>>>
GET /admin HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:not-found","title":"Not found","status":404,"detail":"Nothing is served at this path."}
>>>
PUT /admin/v1/tokens HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, POST
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:method-not-allowed","title":"Method not allowed","status":405,"detail":"Allow names the methods of this path."}
>>>
GET /admin/v1/tokens/nope HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
>>>
GET /admin/v1/tokens/9999 HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
>>>
GET /admin/v1/tokens/00112233-4455-4677-8899-aabbccddeeff/usage HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "x"

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:not-json","title":"Not JSON","status":400,"detail":"The body is not JSON: line 1, column 12."}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

["x"]

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:not-json","title":"Not JSON","status":400,"detail":"The body must be one JSON object."}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": 7, "scopes": "a", "expires_at": "tomorrow", "labels": {"a": 1}, "form": "odd", "status": "on", "personal": 1, "id": "x", "colour": "red"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"name","message":"must be a text"},{"field":"scopes","message":"must be an array of texts"},{"field":"status","message":"must be enabled or disabled"},{"field":"expires_at","message":"not an RFC 3339 date-time such as $time"},{"field":"labels","message":"must be an object of texts"},{"field":"personal","message":"must be true or false"},{"field":"form","message":"unknown form \"odd\": use tg, xms, dynatrace or astra"},{"field":"colour","message":"is not known here"},{"field":"id","message":"cannot be set here"}]}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"name","message":"is missing"}]}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "scopes": ["*"]}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"scopes[0]","message":"\"*\" is no scope: write dot-separated names such as orders.read, with * only as the last of several segments"}]}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "expires_at": "2001-01-01T00:00:00Z"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"expires_at","message":"$time is not in the future; to stop a token now, disable or revoke it"}]}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "plan": "none-such"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"plan","message":"there is no plan \"none-such\" in the configuration; it has crowded, default, monthly, single, tiny, vendor"}]}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "account": "elsewhere"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:forbidden","title":"Forbidden","status":403,"detail":"this token may not make tokens for \"mira\" in account \"elsewhere\""}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "scopes": ["all.admin"]}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:forbidden","title":"Forbidden","status":403,"detail":"this token does not hold all.admin and so cannot grant it"}
>>>
PATCH /admin/v1/tokens/$bare_id HTTP/1.1
Authorization: Bearer $admin

{"name": null, "scopes": null, "owner": "mira", "labels": {"a": 1}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"name","message":"cannot be null"},{"field":"scopes","message":"cannot be null"},{"field":"labels","message":"must be an object of texts and nulls"},{"field":"owner","message":"cannot be set here"}]}
>>>
GET /admin/v1/tokens?limit=0&sort=size&cursor=zz&page=2&limit=3 HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"limit","message":"comes more than once"},{"field":"sort","message":"must be one of name, -name, created, -created, updated, -updated, expires, -expires"},{"field":"page","message":"is not known here"}]}
>>>
GET /admin/v1/tokens?cursor=0123456789abcdef00 HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"cursor","message":"is none of this listing: take next_cursor of its last page and leave the other parameters as they were"}]}
>>>
GET /admin/v1/tokens?sort=-name HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"sort","message":"the order -name needs an owner: it is worked out from all that is listed"}]}
>>>
GET /admin/v1/tokens?account=elsewhere HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:forbidden","title":"Forbidden","status":403,"detail":"this token does not reach the account \"elsewhere\""}
>>>
POST /admin/v1/tokens/$bare_id/rotate HTTP/1.1
Authorization: Bearer $admin

{"overlap_seconds": 2592001, "form": 1}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"overlap_seconds","message":"must be a whole number from 0 to 2592000"},{"field":"form","message":"must be a text"}]}
>>>
POST /admin/v1/tokens/$bare_id/disable HTTP/1.1
Authorization: Bearer $admin

{"why": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"why","message":"is not known here"}]}
>>>
DELETE /admin/v1/tokens/$bare_id?because=x HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"because","message":"is not known here"}]}
>>>
POST /admin/v1/tokens/lookup HTTP/1.1
Authorization: Bearer $reader

{"secret": "nobody-has-this-one"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"secret","message":"give either secret or sha256"}]}
>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "secret": "short", "sha256": "zz"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"secret","message":"give either secret or sha256"}]}
>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "x", "secret": "short"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"secret","message":"a secret to import needs at least 16 characters"}]}
>>>
GET /admin/v1/tokens/$bare_id/activity?skip=-1&limit=0 HTTP/1.1
Authorization: Bearer $reader

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"skip","message":"must be a whole number from 0 to 1000000"},{"field":"limit","message":"must be a whole number from 1 to 1000"}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $reader

{"method": "G T", "path": "orders?x", "address": "home", "token": "1", "secret": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:invalid-fields","title":"Invalid fields","status":400,"detail":"What was sent cannot be used; errors names each field.","errors":[{"field":"method","message":"is no method, such as GET"},{"field":"path","message":"must begin with / and have no query"},{"field":"address","message":"invalid IP address syntax"},{"field":"secret","message":"give either token or secret"}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $reader

{"method": "GET", "path": "/anything", "token": "9999"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
