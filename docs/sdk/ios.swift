// iOS 15+：把聊天放进 WKWebView。页面装在一段本地 HTML 里，凭证用脚本交给 <changda-chat>。
import UIKit
import WebKit

final class ChatViewController: UIViewController, WKScriptMessageHandler {
    private let server = "https://chat.example.com"
    private let site = URL(string: "https://app.example.com")!  // 在 CHANGDA_EMBED_ORIGINS 里
    private var web: WKWebView!

    override func viewDidLoad() {
        super.viewDidLoad()
        let settings = WKWebViewConfiguration()
        settings.userContentController.add(self, name: "changda")
        settings.mediaTypesRequiringUserActionForPlayback = []  // 朗读回复
        web = WKWebView(frame: view.bounds, configuration: settings)
        web.autoresizingMask = [.flexibleWidth, .flexibleHeight]
        view.addSubview(web)
        web.loadHTMLString("""
            <meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">
            <style>html,body{height:100%;margin:0}</style>
            <script src="\(server)/widget.js" data-mode="none"></script>
            <changda-chat mode="inline" heading="在线客服"></changda-chat>
            <script>
            const chat = document.querySelector("changda-chat");
            const ask = () => webkit.messageHandlers.changda.postMessage("token");
            chat.addEventListener("changda-token-needed", ask);
            ask();
            </script>
            """, baseURL: site)
    }

    func userContentController(_ c: WKUserContentController, didReceive message: WKScriptMessage) {
        Task { @MainActor in
            let token = try await MyAccount.chatToken()  // 您的服务器签的凭证
            // 作为参数传，不拼进脚本。
            _ = try await web.callAsyncJavaScript(
                "document.querySelector('changda-chat').appToken = token",
                arguments: ["token": token], contentWorld: .page)
        }
    }
}
