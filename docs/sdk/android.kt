// Android 8+：把聊天放进 WebView。需要 androidx.webkit。
import android.annotation.SuppressLint
import android.os.Bundle
import android.webkit.PermissionRequest
import android.webkit.WebChromeClient
import android.webkit.WebView
import androidx.activity.ComponentActivity
import androidx.lifecycle.lifecycleScope
import androidx.webkit.WebViewCompat
import kotlinx.coroutines.launch
import org.json.JSONObject

class ChatActivity : ComponentActivity() {
    private val server = "https://chat.example.com"
    private val site = "https://app.example.com" // 在 CHANGDA_EMBED_ORIGINS 里

    @SuppressLint("SetJavaScriptEnabled")
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val web = WebView(this)
        web.settings.javaScriptEnabled = true
        web.settings.domStorageEnabled = true // 下次打开还是同一个会话
        web.webChromeClient = object : WebChromeClient() {
            // 语音输入；先在系统里申请 RECORD_AUDIO。
            override fun onPermissionRequest(request: PermissionRequest) {
                val ours = request.origin.toString().trimEnd('/') == server
                if (ours) request.grant(arrayOf(PermissionRequest.RESOURCE_AUDIO_CAPTURE)) else request.deny()
            }
        }
        // 只有自己的页面能叫到这个对象，聊天框里的页面不能。
        WebViewCompat.addWebMessageListener(web, "changdaApp", setOf(site)) { view, _, _, _, _ ->
            lifecycleScope.launch {
                val token = JSONObject.quote(MyAccount.chatToken()) // 您的服务器签的凭证
                view.evaluateJavascript("document.querySelector('changda-chat').appToken = $token", null)
            }
        }
        setContentView(web)
        web.loadDataWithBaseURL(site, """
            <meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">
            <style>html,body{height:100%;margin:0}</style>
            <script src="$server/widget.js" data-mode="none"></script>
            <changda-chat mode="inline" heading="在线客服"></changda-chat>
            <script>
            const chat = document.querySelector("changda-chat");
            const ask = () => changdaApp.postMessage("token");
            chat.addEventListener("changda-token-needed", ask);
            ask();
            </script>""", "text/html", "utf-8", null)
    }
}
