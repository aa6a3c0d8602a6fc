# Order, filters, limit and offset; absent words; whose tokens.
# A token shows its use some moments later, so callers are seen in their first answer alone.
FIRST: things.read owner=mira
SECOND: xms.role.viewer things.read owner=mira
THIRD: xms.role.viewer owner=tom
READER: things.read owner=mira
SEER: xms.tokens.read_all owner=tom
>>>
GET /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[{"id":1,"name":"FIRST","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false},{"id":2,"name":"SECOND","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false},{"id":4,"name":"READER","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}]}
>>>
GET /v1/access-tokens?limit=2&offset=None&user_id=None&role=None&all=None HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[{"id":1,"name":"FIRST","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false},{"id":2,"name":"SECOND","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}]}
>>>
GET /v1/access-tokens/?limit=1&offset=1&user_id=3&role=&all=False HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[{"id":2,"name":"SECOND","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}]}
>>>
GET /v1/access-tokens/?limit=2&offset=1&all=True HTTP/1.1
Xms-Auth-Token: $SEER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[{"id":2,"name":"SECOND","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false},{"id":3,"name":"THIRD","description":"","roles":["viewer"],"user":{"id":4,"name":"tom"},"create":"$time","update":"$time","used":false}]}
>>>
GET /api/v1/access-tokens/?user_id=3&offset=5 HTTP/1.1
Xms-Auth-Token: $SEER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[]}
>>>
GET /v1/access-tokens/?role=viewer&all=1 HTTP/1.1
Xms-Auth-Token: $SEER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[{"id":2,"name":"SECOND","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false},{"id":3,"name":"THIRD","description":"","roles":["viewer"],"user":{"id":4,"name":"tom"},"create":"$time","update":"$time","used":false}]}
>>>
GET /v1/access-tokens/?user_id=999 HTTP/1.1
Xms-Auth-Token: $SEER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[]}
>>>
GET /v1/access-tokens/?all=true HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"tokens of other users need the scope xms.tokens.read_all"}
>>>
GET /v1/access-tokens/?user_id=4 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"tokens of other users need the scope xms.tokens.read_all"}
>>>
GET /v1/access-tokens/?limit=0 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"limit: must be a whole number from 1 to 10000"}
>>>
GET /v1/access-tokens/?limit=10001 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"limit: must be a whole number from 1 to 10000"}
>>>
GET /v1/access-tokens/?offset=-1 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"offset: must be a whole number from 0 to 9223372036854775807"}
>>>
GET /v1/access-tokens/?user_id=mira HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"user_id: must be a whole number from -9223372036854775808 to 9223372036854775807"}
>>>
GET /v1/access-tokens/?all=yes HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"all: must be true or false"}
>>>
GET /v1/access-tokens/?limit=1&limit=2 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"limit: stands there more than once"}
