# A token from creation to deletion, with the requests that release 3.2.14 sends.
MIRA: all.User owner=mira
>>>
POST /v1/access-tokens/ HTTP/1.1
Accept-Encoding: identity
Accept: application/json
Content-Type: application/json
User-Agent: Swagger-Codegen/3.2.14/python
Xms-Auth-Token: $MIRA

{"access_token": {"description": "first one", "name": "conf-20836a96-a", "roles": ["admin", "viewer", "admin"]}}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"conf-20836a96-a","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false,"uuid":"$xms1"}}
>>>
GET /v1/access-tokens/2 HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"conf-20836a96-a","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/$xms1 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"conf-20836a96-a","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/?offset=1 HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_tokens":[{"id":2,"name":"conf-20836a96-a","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}]}
>>>
PATCH /v1/access-tokens/2 HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"conf-20836a96-a","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
PATCH /v1/access-tokens/2 HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

{"access_token": {"name": "renamed", "description": "cannot be changed", "roles": []}}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"renamed","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
POST /v1/access-tokens/2:regenerate HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"renamed","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false,"uuid":"$xms2"}}
>>>
GET /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $xms1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The token is not valid."}
>>>
POST /v1/access-tokens:validate?subject_access_token=$xms2 HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"renamed","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
POST /api/v1/access-tokens%3Avalidate?subject_access_token=$xms2&token=$MIRA HTTP/1.1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":2,"name":"renamed","description":"first one","roles":["admin","viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
POST /v1/access-tokens:validate?subject_access_token=$xms1 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"subject_access_token: no live token has this value"}
>>>
DELETE /v1/access-tokens/2 HTTP/1.1
Content-Type: application/json
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
DELETE /v1/access-tokens/2 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
GET /v1/access-tokens/2 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
GET /v1/access-tokens/$xms2 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
POST /v1/access-tokens/2%3aregenerate HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
PATCH /v1/access-tokens/2 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"NotFound","message":"Nothing is at this address."}
>>>
POST /v1/access-tokens:validate?subject_access_token=$xms2 HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"code":"BadRequest","message":"subject_access_token: no live token has this value"}
>>>
GET /v1/access-tokens/ HTTP/1.1
Xms-Auth-Token: $xms2

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The token is not valid."}
>>>
POST /api/v1/access-tokens HTTP/1.1
Xms-Auth-Token: $MIRA

{"access_token": {"name": "numbers are never used again", "roles": ["viewer"]}}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"numbers are never used again","description":"","roles":["viewer"],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false,"uuid":"$xms3"}}
