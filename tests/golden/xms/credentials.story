# The four places, one value in several, and values that differ.
MIRA: things.read owner=mira
OTHER: things.read owner=mira
SHOWN: things.read owner=mira
>>>
GET /v1/access-tokens/3 HTTP/1.1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The token is missing. Send it in the header Xms-Auth-Token."}
>>>
GET /v1/access-tokens/3 HTTP/1.1
Xms-Auth-Token: Bearer $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"SHOWN","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/3?token=$MIRA HTTP/1.1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"SHOWN","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/3?token=Bearer+$MIRA HTTP/1.1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"SHOWN","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/3 HTTP/1.1
XMS_AUTH_TOKEN: $MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"SHOWN","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/3 HTTP/1.1
Cookie: session=1; XMS_AUTH_TOKEN=$MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"SHOWN","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/3?token=$MIRA HTTP/1.1
Xms-Auth-Token: $MIRA
XMS_AUTH_TOKEN: $MIRA
Cookie: XMS_AUTH_TOKEN=$MIRA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"access_token":{"id":3,"name":"SHOWN","description":"","roles":[],"user":{"id":3,"name":"mira"},"create":"$time","update":"$time","used":false}}
>>>
GET /v1/access-tokens/3?token=$OTHER HTTP/1.1
Xms-Auth-Token: $MIRA

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The request holds two different tokens; send one."}
>>>
GET /v1/access-tokens/3 HTTP/1.1
Cookie: XMS_AUTH_TOKEN=$OTHER
XMS_AUTH_TOKEN: $MIRA

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The request holds two different tokens; send one."}
>>>
GET /v1/access-tokens/3 HTTP/1.1
Xms-Auth-Token: ffffffffffffffffffffffffffffffff

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The token is not valid."}
>>>
GET /v1/access-tokens/3 HTTP/1.1
Xms-Auth-Token: x y

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The token is not valid."}
>>>
GET /v1/access-tokens/3 HTTP/1.1
Authorization: Bearer $MIRA

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Xms-Auth-Token
x-content-type-options: nosniff

{"code":"Unauthorized","message":"The token is missing. Send it in the header Xms-Auth-Token."}
