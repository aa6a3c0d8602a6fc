# Bodies, rights, names, ids, methods.
MIRA: all.User owner=mira
WRITER: xms.tokens.write xms.role.viewer owner=mira
READER: things.read owner=mira
TOM: all.User owner=tom
ROOT: all.admin owner=mira
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $WRITER

{"access_token": {"name": "robot", "roles": ["viewer"]}}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":6,"name":"robot","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false,"uuid":"$xms1"}}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {"name": "robot", "roles": ["viewer"]}}

<<<
HTTP/1.1 409 Conflict
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Conflict","message":"access_token.name: this user has a token of this name"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $TOM

{"access_token": {"name": "robot", "roles": ["viewer"]}}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":7,"name":"robot","description":"","roles":["viewer"],"user":{"id":4,"name":"tom"},"create":"$time","update":"$time","used":false,"uuid":"$xms2"}}
>>>
PATCH /v1/access-tokens/7 HTTP/1.1
Xms-Auth-Token: $TOM

{"access_token": {"name": "TOM"}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"access_token.name: this user has a token of this name"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $WRITER

{"access_token": {"name": "king", "roles": ["admin"]}}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"this token does not hold xms.role.admin and so cannot grant it"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $READER

{"access_token": {"name": "x", "roles": ["viewer"]}}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"The token is valid, but this call needs the scope xms.tokens.write."}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {"name": "x", "roles": ["king"]}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"access_token.roles: the configuration has no such role"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {"name": "x", "roles": []}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"access_token.roles: a list of at least one role is needed"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {"name": " ", "roles": ["viewer"]}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"access_token.name: must not be blank"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {"name": "x", "roles": ["viewer"], "description": "a\nb"}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"access_token.description: holds a control character"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": 

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"the body is no JSON (line 1, column 17)"}
>>>
POST /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"the body is no JSON (line 1, column 0)"}
>>>
PATCH /v1/access-tokens/6 HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"access_token.name: a text is needed"}
>>>
PATCH /v1/access-tokens/6 HTTP/1.1
Xms-Auth-Token: $READER

{"access_token": {"name": "x"}}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"The token is valid, but this call needs the scope xms.tokens.write."}
>>>
DELETE /v1/access-tokens/6 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"The token is valid, but this call needs the scope xms.tokens.write."}
>>>
POST /v1/access-tokens/6:regenerate HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"The token is valid, but this call needs the scope xms.tokens.write."}
>>>
GET /v1/access-tokens/7 HTTP/1.1
Xms-Auth-Token: $WRITER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"the token is another user's; the scope xms.tokens.read_all is needed"}
>>>
GET /v1/access-tokens/$xms2 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"the token is another user's; the scope xms.tokens.read_all is needed"}
>>>
DELETE /v1/access-tokens/7 HTTP/1.1
Xms-Auth-Token: $WRITER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"the token is another user's; the scope xms.tokens.read_all is needed"}
>>>
POST /v1/access-tokens/7:regenerate HTTP/1.1
Xms-Auth-Token: $WRITER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"the token is another user's; the scope xms.tokens.read_all is needed"}
>>>
POST /v1/access-tokens:validate?subject_access_token=$xms2 HTTP/1.1
Xms-Auth-Token: $READER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"the token is another user's; the scope xms.tokens.read_all is needed"}
>>>
POST /v1/access-tokens:validate?subject_access_token=ffffffffffffffffffffffffffffffff HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"subject_access_token: no live token has this value"}
>>>
POST /v1/access-tokens:validate HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"subject_access_token: a value is needed, once"}
>>>
GET /v1/access-tokens/5 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
POST /v1/access-tokens/1:regenerate HTTP/1.1
Xms-Auth-Token: $WRITER

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"Forbidden","message":"this token does not hold all.User and so cannot grant it"}
>>>
GET /v1/access-tokens/$ROOT_id HTTP/1.1
Xms-Auth-Token: $ROOT

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
GET /v1/access-tokens/999 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
DELETE /v1/access-tokens/$xms1 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
PUT /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, POST
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"MethodNotAllowed","message":"The method is not allowed here. Allow names those that are."}
>>>
PUT /v1/access-tokens/6 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, PATCH, DELETE
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"MethodNotAllowed","message":"The method is not allowed here. Allow names those that are."}
>>>
GET /v1/access-tokens/6:regenerate HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 405 Method Not Allowed
allow: POST
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"MethodNotAllowed","message":"The method is not allowed here. Allow names those that are."}
>>>
GET /v1/access-tokens:validate HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 405 Method Not Allowed
allow: POST
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"MethodNotAllowed","message":"The method is not allowed here. Allow names those that are."}
>>>
POST /v1/access-tokens/6:rotate HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
GET /api/v1/users/ HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
