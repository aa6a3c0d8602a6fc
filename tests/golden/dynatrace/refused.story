# Each row of the contract page's table of errors that is not about bodies and lists.
mira: all.User owner=mira
reader: apiTokens.read owner=mira
writer: apiTokens.write metrics.read owner=tom

>>>
GET /api/v2/apiTokens HTTP/1.1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json; charset=utf-8
www-authenticate: Bearer
x-content-type-options: nosniff

{"error":{"code":401,"message":"A token is needed: send it as 'Authorization: Api-Token <token>'."}}
>>>
GET /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token dt0c01.AAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json; charset=utf-8
www-authenticate: Bearer
x-content-type-options: nosniff

{"error":{"code":401,"message":"The token is not valid."}}
>>>
GET /api/v2/apiTokens HTTP/1.1
Authorization: Basic bWlyYTpwYXNz

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json; charset=utf-8
www-authenticate: Bearer
x-content-type-options: nosniff

{"error":{"code":401,"message":"A token is needed: send it as 'Authorization: Api-Token <token>'."}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "own", "scopes": ["apiTokens.read", "apiTokens.write"]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","token":"$dynatrace1"}
>>>
DELETE /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $dynatrace1

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"The token in use cannot be deleted."}}
>>>
DELETE /api/v2/apiTokens/$dynatrace1 HTTP/1.1
Authorization: Api-Token $dynatrace1

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"The token in use cannot be deleted."}}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $dynatrace1

{"enabled": false}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"The token in use cannot be disabled."}}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

{"enabled": false}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $dynatrace1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json; charset=utf-8
www-authenticate: Bearer
x-content-type-options: nosniff

{"error":{"code":401,"message":"The token is not valid."}}
>>>
GET /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $writer

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":403,"message":"Token is missing required scope. Use one of: apiTokens.read (Read API tokens)"}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $reader

{"name": "x", "scopes": ["metrics.read"]}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":403,"message":"Token is missing required scope. Use one of: apiTokens.write (Write API tokens)"}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $writer

{"name": "x", "scopes": ["metrics.read", "logs.ingest"]}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":403,"message":"This token does not hold logs.ingest and so cannot grant it."}}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $writer

{"scopes": ["apiTokens.read", "logs.ingest"]}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":403,"message":"This token does not hold logs.ingest and so cannot grant it."}}
>>>
PUT /api/v2/apiTokens/dt0c01.AAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1
Authorization: Api-Token $mira

{"name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"There is no such token."}}
>>>
DELETE /api/v2/apiTokens/nonsense HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"There is no such token."}}
>>>
POST /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $reader

{"token": "$public1"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"There is no such token."}}
