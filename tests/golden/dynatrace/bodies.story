# What is wrong with a body is told member by member.
mira: all.User owner=mira

>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"name","message":"must be given","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"scopes","message":"must be given","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "  ", "scopes": ["metrics.read", "no.such.scope", "no such scope"], "personalAccessToken": "perhaps", "expirationDate": "soon"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"name","message":"must not be blank","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"scopes[1]","message":"is no scope that the vendor or the configuration knows","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"scopes[2]","message":"is no scope that the vendor or the configuration knows","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"personalAccessToken","message":"must be true or false","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"expirationDate","message":"must be UTC milliseconds, a date such as $time, or now, now-2d, now+14d/d (units m h d w M y)","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": 5, "scopes": ["metrics.read", 1], "expirationDate": "now-1d"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"name","message":"must be a string","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"scopes[1]","message":"must be a string","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"expirationDate","message":"must be in the future","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "x", "scopes": "metrics.read", "expirationDate": "now+9000y"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"scopes","message":"must be an array of strings","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"expirationDate","message":"lies outside the years that dates can have, up to 9999","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "tab\tinside", "scopes": ["metrics.read"]}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"name","message":"holds a control character","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "x", "scopes": [

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"The request body is not valid JSON; it goes wrong at line 1, column 25."}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

["name"]

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"The request body must be a JSON object."}}
>>>
POST /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"The request body is empty; a JSON object is needed."}}
>>>
POST /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $mira

{"token": null}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"token","message":"must be given","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "x", "scopes": ["metrics.read"]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","token":"$dynatrace1"}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

{"name": "", "scopes": [], "enabled": 1}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"name","message":"must not be blank","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"enabled","message":"must be true or false","parameterLocation":"PAYLOAD_BODY","location":null},{"path":"scopes","message":"must hold at least one entry","parameterLocation":"PAYLOAD_BODY","location":null}]}}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

{}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","name":"x","enabled":true,"owner":"mira","personalAccessToken":false,"scopes":["metrics.read"],"creationDate":"$time"}
