# The three path forms, the places of the credential, and what is served nowhere.
mira: all.User owner=mira
plain: metrics.read owner=tom

>>>
GET /e/abc12345/api/v2/apiTokens?apiTokenSelector=owner(%22nobody%22) HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":0,"pageSize":200,"nextPageKey":null,"apiTokens":[]}
>>>
GET /platform/classic/environment-api/v2/apiTokens?apiTokenSelector=owner(%22nobody%22) HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":0,"pageSize":200,"nextPageKey":null,"apiTokens":[]}
>>>
GET /e/nowhere/api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"Nothing is at this address."}}
>>>
GET /api/v2/apiTokens?api-token=$mira&apiTokenSelector=owner(%22nobody%22) HTTP/1.1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":0,"pageSize":200,"nextPageKey":null,"apiTokens":[]}
>>>
GET /api/v2/apiTokens?api-token=another&apiTokenSelector=owner(%22nobody%22)&colour=red HTTP/1.1
Authorization: API-TOKEN $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":0,"pageSize":200,"nextPageKey":null,"apiTokens":[]}
>>>
GET /api/v2/apiTokens?api-token=$mira HTTP/1.1
Authorization: Api-Token nonsense

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json; charset=utf-8
www-authenticate: Bearer
x-content-type-options: nosniff

{"error":{"code":401,"message":"The token is not valid."}}
>>>
GET /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 405 Method Not Allowed
allow: POST
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":405,"message":"This address does not take this method; Allow tells which it takes."}}
>>>
PATCH /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, POST
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":405,"message":"This address does not take this method; Allow tells which it takes."}}
>>>
POST /api/v2/apiTokens/$plain_id HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, PUT, DELETE
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":405,"message":"This address does not take this method; Allow tells which it takes."}}
>>>
GET /api/v2/apiTokens/ HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"Nothing is at this address."}}
>>>
GET /api/v2/entities HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"Nothing is at this address."}}
>>>
GET /api/v2/apiTokens/$plain_id HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"There is no such token."}}
